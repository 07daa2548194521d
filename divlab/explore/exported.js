
// What follows stands behind painter.js in an exported page: sliders and menus for the recorded
// states (divlab/explore/recording.py), and the address that says which one is shown.
{
    const LATER = 400; // ms without a move until the address follows; Safari refuses more than 10 a second

    const find = selector => document.querySelector(`.divlab-page ${selector}`);

    // ---- what was recorded ----

    async function read() {
        if (typeof DecompressionStream === "undefined")
            throw new Error(find(".divlab-failure").dataset.tooOld);
        const text = atob(document.getElementById("divlab-recorded").textContent.trim());
        const packed = new Uint8Array(text.length);
        for (let i = 0; i < text.length; i++) packed[i] = text.charCodeAt(i);
        const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
        const content = await new Response(stream).arrayBuffer();
        const length = new DataView(content).getUint32(0, true);
        const recorded = JSON.parse(new TextDecoder().decode(new Uint8Array(content, 4, length)));
        recorded.steps = new Uint8Array(content, 4 + length);
        recorded.starts = [0];
        for (const one of recorded.lengths) recorded.starts.push(recorded.starts.at(-1) + one);
        recorded.arrays = [];
        return recorded;
    }

    // An array of positions: the sums of its steps. The low bytes of all steps stand first.
    function arrayOf({ steps, starts, arrays, parts }, i) {
        if (arrays[i]) return arrays[i];
        const start = starts[i], end = starts[i + 1], high = starts.at(-1);
        const found = new Float32Array(end - start);
        for (let j = start, whole = 0; j < end; j++) {
            whole = ((whole + steps[j] + (steps[high + j] << 8)) << 16) >> 16;
            found[j - start] = whole === -32768 ? NaN : whole / parts;
        }
        return arrays[i] = found;
    }

    // A piece of plain data with its changes, which `change` in recording.py made.
    function changed(first, change) {
        if (Array.isArray(change)) return change[0];
        const copy = Array.isArray(first) ? [...first] : { ...first };
        for (const [name, part] of Object.entries(change)) copy[name] = changed(first[name], part);
        return copy;
    }

    // ---- controls ----

    const isNumber = value => typeof value === "number";

    // The texts of positions: numbers all with as many decimals as one of them needs.
    function texts(positions) {
        const decimals = Math.max(...positions.map(one => isNumber(one) ? (String(one).split(".")[1] ?? "").length : 0));
        return positions.map(one => isNumber(one) ? one.toFixed(Math.min(decimals, 6)).replace("-", "−") : String(one));
    }

    // The place of a position, or of the nearest one.
    function nearest(positions, value) {
        if (!positions.every(isNumber)) return Math.max(positions.map(String).indexOf(String(value)), 0);
        const far = positions.map(one => Math.abs(one - value));
        return far.indexOf(Math.min(...far));
    }

    class Control {
        constructor({ name, label, group, positions, shown, start }, onMove) {
            Object.assign(this, { name, label, group, positions, texts: texts(positions) });
            this.start = nearest(positions, start);
            this.isSlider = positions.every(isNumber);
            this.node = html("label", "divlab-control", null);
            html("span", "", this.node, label);
            if (this.isSlider) {
                this.output = html("output", "", this.node);
                this.output.setAttribute("aria-live", "off"); // the slider says its value itself
                this.input = html("input", "", this.node);
                Object.assign(this.input, { type: "range", min: 0, max: positions.length - 1, step: 1 });
            } else {
                this.input = html("select", "", this.node);
                this.texts.forEach((text, i) => { html("option", "", this.input, shown[text] ?? text).value = i; });
            }
            this.input.name = name;
            this.input.setAttribute("aria-label", `${label} (${group})`);
            this.input.addEventListener("input", () => { this.show(); onMove(); });
            this.place = this.start;
        }

        get place() { return Number(this.input.value); }

        set place(place) {
            this.input.value = place;
            this.show();
        }

        get value() { return this.positions[this.place]; }

        show() {
            if (!this.isSlider) return;
            this.output.textContent = this.texts[this.place];
            this.input.setAttribute("aria-valuetext", this.texts[this.place]);
        }
    }

    // ---- the page ----

    async function start() {
        const recorded = await read();
        const controls = recorded.controls.map(one => new Control(one, update));
        const groups = new Map();
        for (const control of controls) {
            if (!groups.has(control.group)) {
                const group = html("div", "divlab-group", find(".divlab-controls"));
                html("div", "divlab-group-title", group, control.group);
                groups.set(control.group, group);
            }
            groups.get(control.group).append(control.node);
        }
        const spec = Object.fromEntries(controls.map(({ name, label, positions }) => [name, { label, options: positions }]));
        const picture = new Picture(find(".divlab-stage > div"), {
            words: recorded.words,
            onMove: values => {
                for (const control of controls)
                    if (control.name in values) control.place = nearest(control.positions, values[control.name]);
                update();
            },
        });
        let due, known; // the address as it was last read or written

        function update() {
            const state = controls.reduce((number, { positions, place }) => number * positions.length + place, 0);
            const [used, change] = recorded.frames[state];
            const values = Object.fromEntries(controls.map(({ name, value }) => [name, value]));
            const frame = { ...changed(recorded.first, change), controls: spec, values, known: 1 / recorded.parts };
            picture.show(frame, used.map(i => arrayOf(recorded, i)));
            due ??= setTimeout(writeAddress, LATER);
        }

        function writeAddress() {
            due = undefined;
            if (location.hash !== known) return; // a new one was typed, and is about to be read
            known = `#${new URLSearchParams(controls.map(({ name, value }) => [name, value]))}`;
            history.replaceState(null, "", known);
        }

        // What the address leaves out stands where it stood at first.
        function readAddress() {
            known = location.hash;
            const asked = new URLSearchParams(known.slice(1));
            for (const control of controls) {
                const text = asked.get(control.name) ?? "";
                const isSaid = control.isSlider ? text.trim() !== "" && Number.isFinite(Number(text)) : control.texts.includes(text);
                control.place = isSaid ? nearest(control.positions, control.isSlider ? Number(text) : text) : control.start;
            }
            update();
        }

        addEventListener("hashchange", () => { if (location.hash !== known) readAddress(); });
        find(".divlab-controls").addEventListener("submit", event => event.preventDefault());
        readAddress();
    }

    // A page that shows this one in a frame may say which theme it has.
    addEventListener("message", ({ source, data }) => {
        if (source === parent && ["light", "dark"].includes(data?.divlabTheme))
            document.documentElement.dataset.theme = data.divlabTheme;
    });

    start().catch(error => { find(".divlab-failure").textContent = error.message; });
}
