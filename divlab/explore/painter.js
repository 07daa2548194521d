// Paints scenes (divlab/figures/scene.py) as SVG, and says what a user does to them.
// One module without dependencies: anywidget loads it, and exported pages hold its text.

const SVG = "http://www.w3.org/2000/svg";
const EDGE = 2; // pixels around the plot area where marks may still paint
const NARROWEST = 280; // pixels of a column
const GRID = 129; // heights of a density drawn by hand
const HOLD = 350; // ms until a finger that rests shows the values
const FRAME = 14; // ms between two pictures that are drawn without waiting for the screen
const REST = 300; // ms without a change until the address follows
const QUIET = 600; // ms without a change until a screen reader hears the caption
let patterns = 0;

// ---- nodes ----

function html(tag, name = "", parent = null, text = "") {
    const node = document.createElement(tag);
    if (name) node.className = name;
    if (text) node.textContent = text;
    parent?.append(node);
    return node;
}

function svg(tag, attributes, parent) {
    const node = document.createElementNS(SVG, tag);
    set(node, attributes);
    parent?.append(node);
    return node;
}

// Sets only what differs: an attribute that stays costs no layout and no paint.
function set(node, attributes) {
    for (const [name, value] of Object.entries(attributes))
        if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
}

function button(name, title, parent, onClick) {
    const node = html("button", "divlab-button", parent, name);
    node.type = "button";
    node.title = title;
    node.addEventListener("click", onClick);
    return node;
}

// Writes "p_{θ}" or "10^{−3}" with lowered and raised parts, into HTML or SVG.
const written = new WeakMap();
function write(node, text) {
    if (written.get(node) === text) return;
    written.set(node, text);
    const parts = text.split(/([_^]\{[^{}]*\})/).filter(Boolean);
    if (!/[_^]\{/.test(text)) {
        node.textContent = text;
        return;
    }
    let level = 0; // pixels below the line
    node.replaceChildren(...parts.map(part => {
        const at = { "_{": 1, "^{": -1 }[part.slice(0, 2)] ?? 0;
        const words = at ? part.slice(2, -1) : part;
        if (!(node instanceof SVGElement))
            return at ? html(at > 0 ? "sub" : "sup", "", null, words) : new Text(words);
        const target = at > 0 ? 3 : at < 0 ? -4 : 0;
        const span = svg("tspan", { dy: target - level, class: at ? "divlab-small" : "" });
        level = target;
        span.textContent = words;
        return span;
    }));
}

// As many nodes as are needed, kept from one frame to the next.
function pool(nodes, count, make) {
    while (nodes.length < count) nodes.push(make(nodes.length));
    while (nodes.length > count) nodes.pop().remove();
    return nodes;
}

// ---- numbers ----

const clamp = (value, low, high) => Math.min(Math.max(value, low), Math.max(low, high));
const round = value => Math.round(value * 10) / 10;

// The value at a share of an axis.
function valueAt(axis, share) {
    if (axis.scale !== "log") return axis.low + share * (axis.high - axis.low);
    return Math.exp(Math.log(axis.low) + share * (Math.log(axis.high) - Math.log(axis.low)));
}

// A value to the digits that a position tells, which is known to this share of the axis.
function said(value, axis, known = 2 ** -20) {
    let digits = 3;
    if (axis.scale !== "log") {
        const power = Math.ceil(Math.log10(Math.abs(axis.high - axis.low) * known));
        value = Math.round(value / 10 ** power) * 10 ** power;
        digits = clamp(1 + Math.floor(Math.log10(Math.abs(value))) - power, 1, 4);
    }
    if (value === 0) return "0";
    const size = Math.abs(value);
    const text = size >= 1e5 || size < 1e-3
        ? value.toExponential(Math.min(digits - 1, 2))
        : value.toFixed(clamp(digits - 1 - Math.floor(Math.log10(size)), 0, 6));
    return text.replaceAll("-", "−");
}

// A value of x, to the pixel.
function saidAcross(axis, share, pixels) {
    const value = valueAt(axis, share);
    if (axis.scale === "log") return said(value, axis);
    const decimals = Math.ceil(-Math.log10(Math.abs(axis.high - axis.low) / pixels));
    return value.toFixed(clamp(decimals, 0, 8)).replace("-", "−");
}

// The height of a curve at x; undefined where it has none, or turns back and has several.
function heightAt(xs, ys, x) {
    const isLeftward = xs[xs.length - 1] < xs[0];
    let found;
    for (let i = 1; i < xs.length; i++) {
        const a = xs[i - 1], b = xs[i];
        if (isLeftward ? b > a : b < a) return undefined;
        if (found === undefined && a !== b && (a - x) * (b - x) <= 0)
            found = ys[i - 1] + ((ys[i] - ys[i - 1]) * (x - a)) / (b - a);
    }
    return Number.isNaN(found) ? undefined : found;
}

// ---- controls, as the frame describes them ----

// The value nearest to this one that a control can take.
function snap(control, value) {
    if (control.options)
        return control.options.reduce((best, option) =>
            Math.abs(option - value) < Math.abs(best - value) ? option : best);
    const { low, high, step } = control;
    const steps = Math.round((clamp(value, low, high) - low) / step);
    return clamp(Number((low + steps * step).toPrecision(12)), low, high);
}

// The value so many steps further on; Infinity leads to the end.
function further(control, value, steps) {
    if (control.options) {
        const last = control.options.length - 1;
        return control.options[clamp(control.options.indexOf(snap(control, value)) + steps, 0, last)];
    }
    if (!Number.isFinite(steps)) return steps > 0 ? control.high : control.low;
    return snap(control, value + steps * control.step);
}

const ends = control => [further(control, 0, -Infinity), further(control, 0, Infinity)];

// The text of a control's value, with as many decimals as its steps have.
function saidBy({ step }, value) {
    const decimals = step ? (String(step).split(".")[1] ?? "").length : 0;
    return (step ? value.toFixed(decimals) : String(value)).replace("-", "−");
}

// ---- marks: what each is painted with ----

const color = role => `var(--divlab-${role})`;
// The fields of a mark that hold positions, and those of its sample in a legend.
const FIELDS = {
    line: ["x", "y"], area: ["x", "low", "high"], rug: ["x"], bars: ["at", "start", "end"],
    points: ["x", "y"], arrows: ["x", "y", "dx", "dy"], rule: [], texts: ["x", "y"],
};
const SAMPLES = {
    line: { x: [0, 1], y: [0.5, 0.5] },
    area: { x: [0, 1], low: [0, 0], high: [1, 1] },
    rug: { x: [0.2, 0.5, 0.8], y: 0.5 },
    bars: { at: [0.5], start: [0.15], end: [0.85], thickness: 0.8, along: "x" },
    points: { x: [0.5], y: [0.5] },
    arrows: { x: [0.1], y: [0.5], dx: [0.8], dy: [0] },
    rule: { at: 0.5, along: "x" },
    texts: { x: [], y: [] },
};

// A mark with its positions in place of their numbers in the list of arrays.
const withPositions = (mark, arrays) =>
    ({ ...mark, ...Object.fromEntries(FIELDS[mark.kind].map(name => [name, arrays[mark[name]]])) });

// One piece of path for each place; places that are not numbers have none.
function each(xs, ys, width, height, piece) {
    let d = "";
    for (let i = 0; i < xs.length; i++) {
        const x = round(xs[i] * width), y = round((1 - ys[i]) * height);
        if (x === x && y === y) d += piece(x, y, i);
    }
    return d;
}

function curve({ x, y }, width, height) {
    let last = -2;
    return each(x, y, width, height, (across, down, i) => {
        const pen = last === i - 1 ? "L" : "M"; // a gap lifts the pen
        last = i;
        return `${pen}${across} ${down}`;
    });
}

const dots = ({ x, y }, width, height) =>
    each(x, y, width, height, (across, down) => `M${across} ${down}h0`);

const crosses = ({ x, y, size }, width, height) => each(x, y, width, height, (across, down) =>
    `M${across - size / 2} ${down}h${size}M${across} ${down - size / 2}v${size}`);

const ticks = ({ x, y }, width, height) =>
    each(x, Array(x.length).fill(y), width, height, (across, down) => `M${across} ${down - 5}v10`);

function between({ x, low, high }, width, height) {
    const at = (i, ys) => `${round(x[i] * width)} ${round((1 - ys[i]) * height)}`;
    const isKnown = i => !Number.isNaN(x[i] + low[i] + high[i]);
    let d = "";
    for (let i = 0; i < x.length; i++) {
        const start = i;
        let back = "";
        for (; i < x.length && isKnown(i); i++) {
            d += (i === start ? "M" : "L") + at(i, high);
            back = "L" + at(i, low) + back;
        }
        if (back) d += back + "Z";
    }
    return d;
}

function rectangles({ at, start, end, thickness, along }, width, height) {
    const lies = along === "x";
    return each(start, lies ? at : start, width, height, (_, __, i) => {
        const [from, to] = [start[i], end[i]].map(one => round(lies ? one * width : (1 - one) * height));
        const thick = thickness * (lies ? height : width);
        const side = round((lies ? (1 - at[i]) * height : at[i] * width) - thick / 2);
        return lies
            ? `M${from} ${side}H${to}v${round(thick)}H${from}Z`
            : `M${side} ${from}V${to}h${round(thick)}V${from}Z`;
    });
}

function arrows({ x, y, dx, dy }, width, height) {
    return each(x, y, width, height, (fromX, fromY, i) => {
        const across = dx[i] * width, down = -dy[i] * height, length = Math.hypot(across, down);
        if (!(length > 0.5)) return "";
        const head = Math.min(4, 0.45 * length) / length, a = across * head, b = down * head;
        const tip = `${round(fromX + across)} ${round(fromY + down)}`;
        return `M${fromX} ${fromY}L${tip}m${round(0.6 * b - a)} ${round(-0.6 * a - b)}L${tip}`
            + `l${round(-0.6 * b - a)} ${round(0.6 * a - b)}`;
    });
}

const rule = ({ at, along }, width, height) => along === "y"
    ? `M${round(at * width)} 0V${height}`
    : `M0 ${round((1 - at) * height)}H${width}`;

// The paths of a mark: the attributes of each, and the function that finds its `d`.
function pathsOf(mark, dashes, pattern) {
    const ink = color(mark.role), cap = mark.shape === "square" ? "square" : "round";
    const stroke = (width, more) => ({ fill: "none", stroke: ink, "stroke-width": width, ...more });
    // Zero lines with caps are dots; a rim of paper sets them off.
    const spots = size => [
        [stroke(size + 2.5, { stroke: "var(--divlab-paper)", "stroke-linecap": cap }), dots],
        [stroke(size, { "stroke-linecap": cap }), dots],
    ];
    switch (mark.kind) {
        case "line": {
            const drawn = { ...dashes(mark.role, mark.width), "stroke-linejoin": "round" };
            return [[stroke(mark.width, drawn), curve], ...(mark.dots ? spots(6.5) : [])];
        }
        case "area": {
            const shade = [{ fill: ink, class: "divlab-shade" }, between];
            return mark.hatch ? [shade, [{ fill: `url(#${pattern(mark)})` }, between]] : [shade];
        }
        case "rug": return [[stroke(1.2, { "stroke-opacity": 0.65 }), ticks]];
        case "bars": return [[{ fill: ink, "fill-opacity": 0.85 }, rectangles]];
        case "points": return mark.shape === "plus" ? [[stroke(2), crosses]] : spots(mark.size);
        case "arrows": return [[stroke(1.1), arrows]];
        case "rule": return [[stroke(1.2, dashes(mark.role, 1.2)), rule]];
        default: return []; // texts are no paths
    }
}

// A small sample of a mark, for legends.
function swatch(mark, dashes, pattern) {
    const box = svg("svg", { class: "divlab-swatch", width: 26, height: 12, "aria-hidden": "true" });
    pathsOf(mark, dashes, pattern).forEach(([attributes, find], i) => {
        const kind = mark.kind === "line" && i > 0 ? "points" : mark.kind; // one dot for all
        svg("path", { ...attributes, d: find({ ...mark, ...SAMPLES[kind] }, 26, 12) }, box);
    });
    return box;
}

const HATCHES = { "/": "M-1 1L1 -1M0 6L6 0M5 7L7 5", ".": "M1.5 1.5h0M4.5 4.5h0" };

// ---- one panel ----

class Panel {
    constructor(picture, parent) {
        this.picture = picture;
        this.margin = { left: 0, right: 0 };
        this.root = html("figure", "divlab-panel", parent);
        const head = html("div", "divlab-panel-head", this.root);
        this.title = html("div", "divlab-title", head);
        this.tools = html("div", "divlab-tools", head);
        this.legend = html("div", "divlab-legend", this.root);
        const names = html("div", "divlab-axis-names", this.root);
        this.names = { y: html("span", "", names), right: html("span", "", names) };
        this.plot = html("div", "divlab-plot", this.root);
        this.names.x = html("div", "divlab-x-name", this.root);
        this.drawing = svg("svg", { class: "divlab-drawing", role: "img" }, this.plot);
        this.defs = svg("defs", {}, this.drawing);
        this.grid = svg("path", { class: "divlab-grid" }, this.drawing);
        this.frame = svg("path", { class: "divlab-frame" }, this.drawing);
        this.ticks = { x: [], y: [], right: [] };
        this.marks = svg("svg", { class: "divlab-marks" }, this.drawing);
        this.over = svg("svg", { class: "divlab-over" }, this.plot);
        this.hair = svg("path", { class: "divlab-hair" }, this.over);
        this.crossings = svg("g", {}, this.over);
        this.lines = svg("g", {}, this.over);
        this.hits = [];
        this.grips = [];
        this.box = html("div", "divlab-box", this.plot);
        this.box.hidden = true;
        const { plot } = this;
        plot.addEventListener("pointerdown", event => this.onDown(event));
        plot.addEventListener("pointermove", event => this.onPointer(event));
        plot.addEventListener("pointerup", event => this.onUp(event));
        for (const name of ["pointercancel", "pointerleave"])
            plot.addEventListener(name, () => this.onAway());
        plot.addEventListener("keydown", event => this.onKey(event));
        // A finger that rests would open a menu in place of the values.
        plot.addEventListener("contextmenu", event => this.touched && event.preventDefault());
    }

    remove() {
        this.held?.abort();
        this.root.remove();
    }

    // What of a panel is made anew when it changes; all else is updated in place.
    build(spec) {
        const shape = spec.marks.map(m => [
            m.kind, m.role, m.label, m.width, m.dots, m.shape, m.size, m.hatch, m.along, m.anchor,
        ]);
        const key = JSON.stringify([shape, spec.can_draw, !!spec.axes.right]);
        if (key === this.key) return;
        this.key = key;
        this.margin = { left: 0, right: 0 };
        this.defs.replaceChildren();
        this.marks.replaceChildren();
        const dashes = (role, width) => this.picture.dashes(role, width);
        const pattern = mark => this.pattern(mark);
        this.parts = spec.marks.map((mark, i) => {
            const group = svg("g", { "data-mark": i, "data-kind": mark.kind }, this.marks);
            const paths = pathsOf(mark, dashes, pattern).map(([attributes, find]) =>
                [svg("path", attributes, group), find]);
            return { group, paths, texts: [] };
        });
        this.legend.replaceChildren(...spec.marks.filter(m => m.label).map(mark => {
            const item = html("span", "divlab-legend-item");
            item.append(swatch(mark, dashes, pattern));
            write(html("span", "", item), mark.label);
            return item;
        }));
        if (!this.hand) this.showTools(spec);
    }

    pattern(mark) {
        const id = `divlab-pattern-${patterns++}`;
        const node = svg("pattern", { id, width: 6, height: 6, patternUnits: "userSpaceOnUse" }, this.defs);
        svg("path", {
            d: HATCHES[mark.hatch], fill: "none", stroke: color(mark.role), "stroke-opacity": 0.6,
            "stroke-width": mark.hatch === "." ? 1.6 : 1, "stroke-linecap": "round",
        }, node);
        return id;
    }

    // The space that tick labels need at both sides. It grows in steps of 8 pixels and does not
    // shrink, so that panels stand still while a slider moves.
    measure(spec) {
        const widest = axis => Math.max(0, ...axis.ticks.map(([, text]) => this.picture.measure(text)));
        const last = spec.axes.x.ticks.at(-1);
        const beyond = last ? this.picture.measure(last[1]) / 2 - (1 - last[0]) * 100 : 0;
        const needed = {
            left: widest(spec.axes.y) + 10,
            right: spec.axes.right ? widest(spec.axes.right) + 10 : Math.max(10, beyond + 2),
        };
        for (const side of ["left", "right"])
            this.margin[side] = Math.max(this.margin[side], 8 * Math.ceil(needed[side] / 8));
        return this.margin;
    }

    draw(spec, arrays, margin) {
        [this.spec, this.arrays] = [spec, arrays];
        const marks = this.placed = spec.marks.map(mark => withPositions(mark, arrays));
        const { width, height } = this.size;
        const top = 9;
        let left = margin.left, slack = 0;
        let w = Math.max(20, width - margin.left - margin.right), h = Math.max(20, height - top - 22);
        if (spec.equal) {
            const { x, y } = spec.axes;
            const [across, up] = [Math.abs(x.high - x.low), Math.abs(y.high - y.low)];
            const unit = Math.min(w / across, h / up);
            left += Math.floor((w - unit * across) / 2);
            [w, h] = [unit * across, unit * up];
            // Where the width is the limit, the name of the axis follows its ticks all the same.
            slack = height - top - 22 - h;
            if (this.picture.columns === 1) {
                this.size.height = Math.ceil(height - slack);
                this.plot.style.height = `${this.size.height}px`;
                slack = 0;
            }
        }
        this.names.x.style.top = `${-Math.floor(slack)}px`;
        this.area = { left, top, width: w, height: h };
        for (const node of [this.drawing, this.over]) set(node, { width, height: this.size.height });
        set(this.marks, {
            x: left - EDGE, y: top - EDGE, width: w + 2 * EDGE, height: h + 2 * EDGE,
            viewBox: `${-EDGE} ${-EDGE} ${w + 2 * EDGE} ${h + 2 * EDGE}`,
        });
        write(this.title, spec.title);
        for (const name of ["x", "y", "right"]) write(this.names[name], spec.axes[name]?.label ?? "");
        this.names.x.style.paddingLeft = `${left}px`;
        this.names.x.style.paddingRight = `${Math.max(0, width - left - w)}px`;
        this.drawAxes();
        const taken = []; // boxes of texts inside the panel
        marks.forEach((mark, i) => {
            for (const [path, find] of this.parts[i].paths) set(path, { d: find(mark, w, h) });
            if (mark.kind === "texts") this.drawTexts(mark, this.parts[i], taken);
        });
        this.plot.classList.toggle("divlab-clickable", !!spec.click);
        this.drawGrips();
        if (this.hand) this.drawHand();
        this.showValues();
    }

    drawAxes() {
        const { left, top, width, height } = this.area, { axes } = this.spec;
        const bottom = top + height;
        let grid = "";
        const place = (name, axis, at) => {
            let end = -Infinity;
            const shown = [...axis.ticks].sort((a, b) => a[0] - b[0]).filter(([share, text]) => {
                const long = name === "x" ? this.picture.measure(text) + 12 : 14;
                const middle = share * (name === "x" ? width : height);
                if (middle - long / 2 < end - 0.5) return false; // it would touch the one before
                end = middle + long / 2;
                return true;
            });
            pool(this.ticks[name], shown.length, () =>
                svg("text", { class: "divlab-tick", "data-axis": name }, this.drawing));
            shown.forEach(([share, text], i) => {
                write(this.ticks[name][i], text);
                set(this.ticks[name][i], at(share));
            });
            if (name === "right") return;
            for (const [share] of axis.ticks)
                grid += name === "x"
                    ? `M${round(left + share * width)} ${top}V${round(bottom)}`
                    : `M${left} ${round(top + (1 - share) * height)}H${round(left + width)}`;
        };
        const y = share => round(top + (1 - share) * height + 4);
        place("x", axes.x, share =>
            ({ x: round(left + share * width), y: round(bottom + 17), "text-anchor": "middle" }));
        place("y", axes.y, share => ({ x: left - 7, y: y(share), "text-anchor": "end" }));
        place("right", axes.right ?? { ticks: [] }, share =>
            ({ x: round(left + width + 7), y: y(share), "text-anchor": "start" }));
        set(this.grid, { d: grid });
        const right = axes.right ? `M${round(left + width)} ${top}V${round(bottom)}` : "";
        set(this.frame, { d: `M${left} ${top}V${round(bottom)}H${round(left + width)}${right}` });
    }

    // Texts stay inside the panel and give way to each other, up or down.
    drawTexts(mark, part, taken) {
        const { width, height } = this.area;
        const { x: xs, y: ys } = mark;
        pool(part.texts, mark.texts.length, () => svg("text", { class: "divlab-text" }, part.group));
        mark.texts.forEach((text, i) => {
            const long = this.picture.measure(text);
            const back = { start: 0, middle: long / 2, end: long }[mark.anchor];
            const x = clamp(xs[i] * width - back, 0, width - long);
            const middle = (1 - ys[i]) * height;
            const free = [0, -15, 15, -30, 30].map(by => clamp(middle + by, 8, height - 8)).find(y =>
                taken.every(box => Math.abs(box.y - y) >= 15 || box.end < x - 4 || box.x > x + long + 4));
            const isShown = free !== undefined && xs[i] === xs[i] && ys[i] === ys[i];
            if (isShown) taken.push({ x, y: free, end: x + long });
            write(part.texts[i], isShown ? text : "");
            if (isShown) set(part.texts[i], { x: round(x), y: round(free + 4) });
        });
    }

    // ---- handles ----

    // The drags of a handle whose control can be moved, by axis.
    drags(handle) {
        const { controls } = this.picture.frame;
        return [["x", handle.across], ["y", handle.up]]
            .filter(([, drag]) => drag && controls?.[drag[0]])
            .map(([axis, [control, slope]]) => ({ axis, control, slope }));
    }

    drawGrips() {
        const { left, top, width, height } = this.area, { controls } = this.picture.frame;
        const handles = this.picture.pointer && !this.hand
            ? this.spec.handles.filter(handle => this.drags(handle).length) : [];
        this.handles = handles;
        pool(this.hits, handles.length, i =>
            svg("path", { class: "divlab-hit-line", "data-handle": i }, this.lines));
        pool(this.grips, handles.length, i => {
            const grip = svg("g", {
                class: "divlab-grip", role: "slider", tabindex: 0, "data-handle": i,
            }, this.over);
            svg("circle", { class: "divlab-hit" }, grip);
            svg("path", { class: "divlab-chevrons" }, grip);
            svg("circle", { class: "divlab-knob", r: 6 }, grip);
            return grip;
        });
        handles.forEach((handle, i) => {
            const drags = this.drags(handle), [first] = drags;
            const ways = drags.map(drag => drag.axis).join("");
            const x = round(left + clamp(handle.x, 0, 1) * width);
            const y = round(top + (1 - clamp(handle.y, 0, 1)) * height);
            const [low, high] = ends(controls[first.control]);
            const grip = this.grips[i];
            set(grip, {
                transform: `translate(${x} ${y})`, "data-ways": ways,
                "aria-label": handle.label || controls[first.control].label,
                "aria-valuemin": low, "aria-valuemax": high,
                "aria-valuenow": this.picture.value(first.control),
                "aria-valuetext": drags.map(({ control }) =>
                    `${controls[control].label} ${this.picture.said(control)}`).join(", "),
                "aria-orientation": ways === "y" ? "vertical" : "horizontal",
            });
            set(grip.children[1], {
                d: (ways.includes("x") ? "M-10 -3.5l-4 3.5l4 3.5M10 -3.5l4 3.5l-4 3.5" : "")
                    + (ways.includes("y") ? "M-3.5 -10l3.5 -4l3.5 4M-3.5 10l3.5 4l3.5 -4" : ""),
            });
            grip.style.color = color(handle.role);
            const line = handle.on ? this.spec.marks.findIndex(mark => mark.label === handle.on) : -1;
            set(this.hits[i], {
                d: this.parts[line]?.paths[0]?.[0].getAttribute("d") ?? "",
                transform: `translate(${left} ${top})`, "data-ways": ways,
            });
        });
    }

    // Where the pointer is, in shares of the panel.
    at(event) {
        const box = this.plot.getBoundingClientRect(), { left, top, width, height } = this.area;
        return {
            x: (event.clientX - box.left - left) / width,
            y: 1 - (event.clientY - box.top - top) / height,
        };
    }

    onDown(event) {
        this.touched = event.pointerType === "touch";
        if (!this.spec || !this.picture.pointer || event.button !== 0 || this.held) return;
        const at = this.at(event), i = event.target.closest("[data-handle]")?.dataset.handle;
        if (this.hand) {
            this.hold(event);
            this.hand.last = null;
            this.drawTo(at);
        } else if (i !== undefined) {
            this.hold(event);
            const handle = this.handles[i];
            // The axes of this moment: if they followed, the handle would run away from the pointer.
            this.drag = {
                at, handle, axes: this.spec.axes, touches: i,
                drags: this.drags(handle).map(drag =>
                    ({ ...drag, start: Number(this.picture.value(drag.control)) })),
            };
            this.plot.dataset.dragged = this.grips[i].dataset.ways;
            this.grips[i].focus({ preventScroll: true });
            this.showValues();
        } else {
            this.down = { x: event.clientX, y: event.clientY, at };
            if (this.touched) this.timer = setTimeout(() => this.hover(at), HOLD);
        }
    }

    // Takes all that the pointer does until it is lifted, wherever on the page that is, and keeps
    // the page from scrolling and from selecting text.
    hold(event) {
        event.preventDefault();
        const held = this.held = new AbortController(), id = event.pointerId;
        this.plot.setPointerCapture(id);
        const follow = (name, act) => window.addEventListener(name, next => {
            if (next.pointerId === id) act(next);
        }, { signal: held.signal });
        follow("pointermove", next => this.hand ? this.drawTo(this.at(next)) : this.dragTo(this.at(next)));
        for (const name of ["pointerup", "pointercancel"]) follow(name, () => this.release());
    }

    release() {
        this.held?.abort();
        [this.held, this.drag] = [undefined, undefined];
        delete this.plot.dataset.dragged;
        this.showValues();
    }

    onPointer(event) {
        if (!this.spec || !this.picture.pointer || this.held || this.hand) return;
        const at = this.at(event);
        if (event.pointerType !== "touch") {
            this.pointed = event.target.closest("[data-handle]")?.dataset.handle;
            this.hover(this.pointed === undefined ? at : null);
        } else if (this.hovered) {
            this.hover(at);
        } else if (this.down && this.way(event) > 10) {
            clearTimeout(this.timer); // the finger scrolls
        }
    }

    // How far the pointer has gone since it went down, in pixels.
    way(event) {
        return Math.hypot(event.clientX - this.down.x, event.clientY - this.down.y);
    }

    onUp(event) {
        const { down } = this, click = this.spec?.click;
        const isResting = this.touched && this.hovered; // a finger that read values
        const isInside = down && down.at.x >= 0 && down.at.x <= 1 && down.at.y >= 0 && down.at.y <= 1;
        if (isInside && click && !isResting && this.way(event) < 5) {
            const { x, y } = this.spec.axes;
            this.picture.move({ [click[0]]: valueAt(x, down.at.x), [click[1]]: valueAt(y, down.at.y) });
        }
        if (this.touched) this.onAway();
        this.down = undefined;
    }

    onAway() {
        clearTimeout(this.timer);
        [this.down, this.pointed] = [undefined, undefined];
        this.hover(null);
    }

    dragTo(at) {
        const { handle, axes, drags, at: from } = this.drag, moved = {};
        for (const { axis, control, slope, start } of drags) {
            const wished = valueAt(axes[axis], handle[axis] + at[axis] - from[axis]);
            moved[control] = start + slope * (wished - valueAt(axes[axis], handle[axis]));
        }
        this.picture.move(moved);
    }

    onKey(event) {
        if (this.hand) return this.onHandKey(event);
        const i = event.target.closest("[data-handle]")?.dataset.handle;
        if (i === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
        const drags = this.drags(this.handles[i]);
        const isUp = /^(ArrowUp|ArrowDown|PageUp|PageDown)$/.test(event.key);
        const drag = drags.find(({ axis }) => axis === (isUp ? "y" : "x")) ?? drags[0];
        const axis = this.spec.axes[drag.axis];
        // An arrow moves the handle the way it points.
        const way = Math.sign(drag.slope) * Math.sign(axis.high - axis.low);
        const steps = {
            ArrowRight: way, ArrowUp: way, ArrowLeft: -way, ArrowDown: -way, PageUp: 10 * way,
            PageDown: -10 * way, Home: -Infinity, End: Infinity,
        }[event.key];
        if (steps === undefined) return;
        event.preventDefault();
        event.stopPropagation();
        const control = this.picture.frame.controls[drag.control];
        this.picture.move({ [drag.control]: further(control, this.picture.value(drag.control), steps) });
    }

    // ---- values under the pointer ----

    hover(at) {
        const isInside = at && at.x >= 0 && at.x <= 1 && at.y >= 0 && at.y <= 1;
        this.hovered = isInside ? at : null;
        this.showValues();
    }

    showValues() {
        const { left, top, width, height } = this.area ?? {};
        const rows = [], dots = [];
        let head, place;
        const { controls } = this.picture.frame ?? {};
        const handle = this.handles?.[this.drag?.touches ?? this.pointed];
        if (handle) {
            head = handle.label;
            place = {
                x: left + clamp(handle.x, 0, 1) * width, y: top + (1 - clamp(handle.y, 0, 1)) * height,
            };
            for (const { control } of this.drags(handle))
                rows.push([null, controls[control].label, this.picture.said(control)]);
        } else if (this.hovered && !this.hand) {
            const { x, y } = this.hovered, { axes } = this.spec;
            const where = saidAcross(axes.x, x, width);
            head = axes.x.label.length > 40 ? where : `${axes.x.label} = ${where}`;
            place = { x: left + x * width, y: top + (1 - y) * height };
            this.placed.forEach(mark => {
                if (mark.kind !== "line" || !mark.label) return;
                const share = heightAt(mark.x, mark.y, x);
                if (share === undefined) return;
                const axis = (mark.on_right && axes.right) || axes.y;
                // Positions far outside of the panel were cut off.
                const sign = share <= -3.99 ? "< " : share >= 4.99 ? "> " : "";
                const value = said(valueAt(axis, share), axis, this.picture.frame.known);
                rows.push([mark, mark.label, sign + value]);
                if (share >= 0 && share <= 1) dots.push([mark, place.x, top + (1 - share) * height]);
            });
        }
        const isShown = this.hovered && rows.length > 0;
        this.box.hidden = !isShown && !handle;
        set(this.hair, { d: isShown ? `M${round(place.x)} ${top}V${round(top + height)}` : "" });
        this.crossings.replaceChildren(...dots.map(([mark, cx, cy]) =>
            svg("circle", { class: "divlab-crossing", cx: round(cx), cy: round(cy), r: 3.5, fill: color(mark.role) })));
        if (this.box.hidden) return;
        const dashes = (role, size) => this.picture.dashes(role, size);
        this.box.replaceChildren();
        write(html("div", "divlab-box-head", this.box), head);
        for (const [mark, label, value] of rows) {
            this.box.append(mark ? swatch(mark, dashes, () => "") : html("span"));
            write(html("span", "", this.box), label);
            html("span", "divlab-box-value", this.box, value);
        }
        // Beside the pointer, and never outside of the panel.
        const { offsetWidth: w, offsetHeight: h } = this.box;
        const gap = handle ? 22 : 14;
        const x = place.x + gap + w <= this.size.width ? place.x + gap : place.x - gap - w;
        const y = clamp(place.y - h / 2, 0, this.size.height - h);
        this.box.style.transform =
            `translate(${Math.round(clamp(x, 0, this.size.width - w))}px, ${Math.round(y)}px)`;
    }

    // ---- a density drawn by hand ----

    showTools(spec) {
        const { word } = this.picture;
        this.tools.replaceChildren();
        if (!spec.can_draw || !this.picture.pointer) return;
        if (!this.hand) {
            button(word("Draw"), word("Draw a density by hand"), this.tools, () => this.startDrawing());
            return;
        }
        this.hand.done = button(word("Done"), word("Take this density"), this.tools, () => this.endDrawing(true));
        this.hand.done.disabled = true;
        button(word("Cancel"), word("Leave without a change"), this.tools, () => this.endDrawing(false));
    }

    startDrawing() {
        this.hover(null);
        const { word } = this.picture;
        const line = svg("path", { class: "divlab-hand" }, this.over);
        const cursor = svg("circle", {
            class: "divlab-cursor", r: 6, tabindex: 0, role: "slider", "aria-label":
                word("Height of the density: left and right go along x, up and down change it"),
        }, this.over);
        const hint = html("div", "divlab-hint", this.plot, word("Draw with the pointer, or with the arrow keys"));
        this.hand = { heights: new Float64Array(GRID), at: (GRID - 1) / 2, last: null, line, cursor, hint };
        this.plot.classList.add("divlab-by-hand");
        this.showTools(this.spec);
        this.drawGrips();
        this.drawHand();
        cursor.focus({ preventScroll: true });
    }

    endDrawing(isTaken) {
        const { heights, line, cursor, hint } = this.hand, { x } = this.spec.axes;
        for (const node of [line, cursor, hint]) node.remove();
        this.hand = null;
        this.plot.classList.remove("divlab-by-hand");
        this.showTools(this.spec);
        this.tools.querySelector("button")?.focus({ preventScroll: true });
        if (isTaken)
            this.picture.onMessage({ kind: "draw", x: [x.low, x.high], heights: Array.from(heights) });
        this.picture.redraw(); // what came meanwhile
    }

    // The heights from the last place of the pointer to this one, along a straight line.
    drawTo({ x, y }) {
        const { hand } = this;
        const to = { i: clamp(x, 0, 1) * (GRID - 1), height: Math.max(0, valueAt(this.spec.axes.y, clamp(y, 0, 1))) };
        const from = hand.last ?? to;
        const [first, last] = [Math.min(from.i, to.i), Math.max(from.i, to.i)];
        for (let i = Math.round(first); i <= Math.round(last); i++) {
            const share = to.i === from.i ? 1 : clamp((i - from.i) / (to.i - from.i), 0, 1);
            hand.heights[i] = from.height + share * (to.height - from.height);
        }
        hand.at = Math.round(to.i);
        hand.last = to;
        this.drawHand();
    }

    drawHand() {
        const { heights, line, cursor, at, done, hint } = this.hand, { axes } = this.spec;
        const { left, top, width, height } = this.area;
        const place = i => {
            const share = (heights[i] - axes.y.low) / (axes.y.high - axes.y.low);
            return [round(left + (i / (GRID - 1)) * width), round(top + (1 - share) * height)];
        };
        set(line, { d: "M" + Array.from(heights, (_, i) => place(i).join(" ")).join("L") });
        const [cx, cy] = place(at);
        const x = saidAcross(axes.x, at / (GRID - 1), width);
        const isEmpty = heights.every(one => one === 0);
        set(cursor, {
            cx, cy, "aria-valuemin": 0, "aria-valuemax": axes.y.high, "aria-valuenow": heights[at],
            "aria-valuetext": `x = ${x}, ${this.picture.word("height")} ${said(heights[at], axes.y)}`,
        });
        done.disabled = isEmpty;
        hint.hidden = !isEmpty;
    }

    onHandKey(event) {
        const { hand } = this;
        if (event.key === "Escape") this.endDrawing(false);
        else if (event.key === "Enter" && event.target === hand.cursor && !hand.done.disabled)
            this.endDrawing(true);
        else if (event.target !== hand.cursor) return;
        else if (event.key === "ArrowLeft" || event.key === "ArrowRight")
            hand.at = clamp(hand.at + (event.key === "ArrowLeft" ? -2 : 2), 0, GRID - 1);
        else if (event.key === "ArrowUp" || event.key === "ArrowDown") {
            const by = (event.key === "ArrowUp" ? 0.05 : -0.05) * this.spec.axes.y.high;
            for (let i = 0; i < GRID; i++) // neighbours follow, so that the curve stays smooth
                hand.heights[i] = clamp(
                    hand.heights[i] + by * Math.exp(-(((i - hand.at) / 5) ** 2) / 2),
                    0, this.spec.axes.y.high);
        } else return;
        event.preventDefault();
        event.stopPropagation();
        if (this.hand) this.drawHand();
    }
}

// ---- the whole picture ----

export class Picture {
    // onMove is called with control -> value, onMessage with what else the page says.
    // What the picture says itself is in English, but for the texts that `words` translates.
    constructor(root, { onMove = () => {}, onMessage = () => {}, pointer = true, words = {} } = {}) {
        Object.assign(this, { root, onMove, onMessage, pointer });
        this.word = text => words[text] ?? text;
        root.classList.add("divlab", "divlab-picture");
        // Arrow keys belong to the grips here, and not to JupyterLab's shortcuts.
        root.setAttribute("data-lm-suppress-shortcuts", "true");
        this.numbers = html("div", "divlab-numbers", root);
        this.stage = html("div", "divlab-panels", root);
        this.caption = html("p", "divlab-caption", root);
        this.caption.setAttribute("aria-hidden", "true"); // the next one is read instead
        this.live = html("p", "divlab-unseen", root);
        this.live.setAttribute("aria-live", "polite");
        this.makeState();
        const ruler = svg("svg", { class: "divlab-ruler", "aria-hidden": "true" }, root);
        this.ruler = svg("text", { class: "divlab-tick" }, ruler);
        Object.assign(this, { drawnAt: 0, panels: [], wished: {}, lengths: new Map(), styles: new Map(), width: 0 });
        this.observer = new ResizeObserver(() => {
            if (root.clientWidth === this.width) return;
            this.width = root.clientWidth;
            this.isSized = false;
            this.redraw();
        });
        this.observer.observe(root);
    }

    destroy() {
        this.observer.disconnect();
        cancelAnimationFrame(this.due);
        clearTimeout(this.quiet);
        this.root.replaceChildren();
    }

    // Shows a frame (see `Explorer.frame`): at once, but of several in a short time only the last.
    show(frame, arrays) {
        [this.frame, this.arrays] = [frame, arrays];
        for (const [control, wish] of Object.entries(this.wished))
            if (frame.values?.[control] === wish.value) delete this.wished[control];
        this.redraw();
    }

    redraw() {
        if (this.due === undefined && performance.now() - this.drawnAt > FRAME) {
            this.draw();
            return;
        }
        this.due ??= requestAnimationFrame(() => {
            this.due = undefined;
            this.draw();
        });
    }

    draw() {
        if (!this.frame?.scene || !this.width) return; // it is drawn when it gets a width
        this.drawnAt = performance.now();
        const { scene, caption } = this.frame;
        this.drawNumbers();
        if (this.panels.length !== scene.panels.length) this.isSized = false;
        pool(this.panels, scene.panels.length, () => new Panel(this, this.stage));
        // A panel where a user draws stays as it is.
        const shown = scene.panels.map((spec, i) =>
            this.panels[i].hand ? [this.panels[i].spec, this.panels[i].arrays] : [spec, this.arrays]);
        shown.forEach(([spec], i) => this.panels[i].build(spec));
        const { columns, widths, heights, height } = scene;
        const shape = JSON.stringify([columns, widths, heights, height, scene.panels.map(p => p.equal)]);
        if (!this.isSized || shape !== this.shape) this.layOut(scene);
        this.shape = shape;
        const margins = shown.map(([spec], i) => this.panels[i].measure(spec));
        shown.forEach(([spec, arrays], i) => {
            // Panels below each other begin at the same place, but for those with long tick labels.
            const column = margins.filter((margin, j) =>
                j % this.columns === i % this.columns && margin.left <= margins[i].left + 24);
            this.panels[i].draw(spec, arrays, {
                left: Math.max(...column.map(m => m.left)), right: Math.max(...column.map(m => m.right)),
            });
            set(this.panels[i].drawing, { "aria-label": (i ? spec.title : caption) || this.word("picture") });
        });
        if (this.caption.textContent !== caption) {
            write(this.caption, caption ?? "");
            clearTimeout(this.quiet);
            this.quiet = setTimeout(() => { this.live.textContent = caption; }, QUIET);
        }
        this.drawState();
    }

    layOut(scene) {
        const gap = 28, { columns, height } = scene;
        this.columns = clamp(Math.floor((this.width + gap) / NARROWEST), 1, columns);
        const isWhole = this.columns === columns;
        const widths = isWhole && scene.widths.length ? scene.widths : Array(this.columns).fill(1);
        this.stage.style.gridTemplateColumns = widths.map(one => `minmax(0, ${one}fr)`).join(" ");
        const rows = Math.ceil(scene.panels.length / columns);
        const heights = scene.heights.length ? scene.heights : Array(rows).fill(1);
        const total = heights.reduce((sum, one) => sum + one, 0), tallest = Math.max(...heights);
        this.panels.forEach((panel, i) => {
            const share = heights[Math.floor(i / columns)];
            const { equal, axes } = scene.panels[i];
            // The last one takes the whole row where it would stand alone in it.
            const isAlone = i % this.columns === 0 && i === scene.panels.length - 1 && !equal;
            panel.root.style.gridColumn = isAlone ? "1 / -1" : "";
            panel.size = { width: panel.plot.clientWidth };
            panel.size.height = isWhole
                ? (this.width * height * share) / total - 64 // its title, legend and axis names
                : ((this.width / this.columns) * 0.62 * share) / tallest;
            if (equal && !isWhole)
                panel.size.height = panel.size.width
                    * Math.min(1, Math.abs((axes.y.high - axes.y.low) / (axes.x.high - axes.x.low)));
            panel.size.height = Math.round(Math.max(150, panel.size.height));
            panel.plot.style.height = `${panel.size.height}px`;
            panel.margin = { left: 0, right: 0 };
        });
        this.isSized = true;
    }

    // Labelled numbers. Each is as wide as its longest text so far, so that the line stands still.
    drawNumbers() {
        const numbers = this.frame.numbers ?? [], labels = JSON.stringify(numbers.map(([label]) => label));
        if (labels !== this.labels) {
            this.labels = labels;
            this.texts = numbers.map(([label]) => {
                const item = html("div");
                write(html("div", "divlab-number-label", item), label);
                return html("div", "divlab-number", item);
            });
            this.numbers.replaceChildren(...this.texts.map(text => text.parentNode));
        }
        numbers.forEach(([, text], i) => {
            const node = this.texts[i];
            write(node, text);
            const longest = Math.max(Number(node.dataset.longest ?? 0), text.length);
            if (node.dataset.longest !== String(longest)) {
                node.dataset.longest = longest;
                node.style.minWidth = `${longest}ch`;
            }
        });
    }

    makeState() {
        this.state = html("div", "divlab-state", this.root);
        this.state.hidden = true;
        const label = html("label", "", this.state, this.word("State"));
        const input = this.stateInput = html("input", "", label);
        input.type = "text";
        input.spellcheck = false;
        input.addEventListener("input", () => { this.isTyped = true; });
        input.addEventListener("blur", () => { this.isTyped = false; this.drawState(); });
        input.addEventListener("keydown", event => {
            event.stopPropagation();
            if (event.key !== "Enter") return;
            this.isTyped = false;
            this.onMessage({ kind: "state", text: input.value });
        });
        const copy = button(this.word("Copy"), this.word("Copy the state"), this.state, async () => {
            input.select();
            try {
                await navigator.clipboard.writeText(input.value);
            } catch { // a page from a file or without https has no clipboard
                document.execCommand("copy");
            }
            copy.textContent = this.word("Copied");
            setTimeout(() => { copy.textContent = this.word("Copy"); }, 1500);
        });
    }

    // Shows Python code, copied where the page may do that by itself.
    offerCode(text) {
        this.code ??= html("div", "divlab-code", this.root);
        const copy = async node => {
            try {
                await navigator.clipboard.writeText(text);
                node.textContent = this.word("Copied");
            } catch { // a page without https has no clipboard
                getSelection().selectAllChildren(this.code.querySelector("pre"));
                node.textContent = document.execCommand("copy") ? this.word("Copied") : this.word("Selected");
            }
        };
        this.code.replaceChildren();
        const again = button(this.word("Copy"), this.word("Copy the code"), this.code, () => copy(again));
        button(this.word("Close"), this.word("Hide the code"), this.code,
            () => { this.code.remove(); this.code = null; });
        html("pre", "", this.code, text).tabIndex = 0;
        copy(again);
    }

    drawState() {
        const text = this.frame?.state;
        this.state.hidden = text === undefined;
        // What a user is typing is not overwritten.
        if (text !== undefined && !this.isTyped && this.stateInput.value !== text) this.stateInput.value = text;
        this.stateInput.placeholder = text ? "" : this.word("Too long for a line: “Save figure” makes a file");
    }

    // The value of a control, or what was asked for a moment ago and has not come back yet.
    value(control) {
        const wish = this.wished[control];
        return wish && performance.now() - wish.time < 1000 ? wish.value : this.frame.values[control];
    }

    said(control) {
        return saidBy(this.frame.controls[control], this.value(control));
    }

    // Asks for values, as near to the wished ones as the controls allow.
    move(wished) {
        const changed = {};
        for (const [name, wish] of Object.entries(wished)) {
            const control = this.frame.controls?.[name];
            if (!control) continue;
            const value = snap(control, wish);
            if (value === this.value(name)) continue;
            changed[name] = value;
            this.wished[name] = { value, time: performance.now() };
        }
        if (!Object.keys(changed).length) return;
        this.onMove(changed);
        for (const panel of this.panels) if (panel.drag) panel.showValues();
    }

    // The width of a text in a panel, in pixels.
    measure(text) {
        let length = this.lengths.get(text);
        if (length === undefined) {
            write(this.ruler, text);
            length = this.ruler.getComputedTextLength();
            if (length > 0) this.lengths.set(text, length);
        }
        return length;
    }

    // The dashes of a role for a line of this width; nothing for a full line.
    dashes(role, width) {
        if (!this.styles.has(role)) {
            const list = getComputedStyle(this.root).getPropertyValue(`--divlab-dash-${role}`);
            this.styles.set(role, list.trim().split(/\s+/).map(Number).filter(one => one > 0));
        }
        const lengths = this.styles.get(role);
        return lengths.length ? { "stroke-dasharray": lengths.map(one => round(one * width)).join(" ") } : {};
    }
}

// ---- in a notebook, by anywidget ----

// The bytes of a trait as numbers; a view that begins at an odd place is copied.
function floats(bytes) {
    const view = ArrayBuffer.isView(bytes) ? bytes : new DataView(bytes);
    if (view.byteOffset % 4 === 0)
        return new Float32Array(view.buffer, view.byteOffset, view.byteLength / 4);
    return new Float32Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
}

// Sliders of ipywidgets have no names for a screen reader, and their icons are read as letters.
function nameControls(explorer, word) {
    for (const handle of explorer?.querySelectorAll(".noUi-handle:not([aria-label])") ?? []) {
        const label = handle.closest(".widget-hslider")?.querySelector(".widget-label");
        if (label) handle.setAttribute("aria-label", label.textContent);
    }
    const plays = { "fa-play": word("Play the recorded steps"), "fa-stop": word("Stop, back to the first step"),
        "fa-retweet": word("Repeat"), "fa-pause": word("Pause") };
    for (const icon of explorer?.querySelectorAll("button i.fa:not([aria-hidden])") ?? []) {
        icon.setAttribute("aria-hidden", "true");
        const name = Object.keys(plays).find(one => icon.classList.contains(one));
        const isBare = !icon.parentNode.textContent.trim();
        if (isBare && name) icon.parentNode.setAttribute("aria-label", plays[name]);
    }
}

function render({ model, el }) {
    const picture = new Picture(el, {
        words: model.get("words"),
        onMove: values => {
            model.set("moved", { count: (model.get("moved")?.count ?? 0) + 1, values });
            model.save_changes();
        },
        onMessage: content => model.send(content),
    });
    const update = () => {
        const arrays = [];
        for (let i = 0, bytes; (bytes = model.get(`array_${i}`)) != null; i++) arrays.push(floats(bytes));
        const frame = model.get("frame");
        picture.show(frame, arrays);
        nameControls(el.closest(".divlab-explorer"), picture.word);
        if (!frame.address) return; // not the only explorer of a page
        clearTimeout(due);
        due = setTimeout(() => history.replaceState(null, "", "#" + frame.address), REST);
    };
    let due;
    const onMessage = content => { if (content.kind === "code") picture.offerCode(content.text); };
    model.on("change:frame", update);
    model.on("msg:custom", onMessage);
    update();
    return () => {
        clearTimeout(due);
        model.off("change:frame", update);
        model.off("msg:custom", onMessage);
        picture.destroy();
    };
}

export default { render };
