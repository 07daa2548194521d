// Explorers in frames follow the theme of the page around them.
{
    const root = document.documentElement;

    function tell(frame) {
        frame.contentWindow.postMessage({ divlabTheme: root.dataset.theme }, "*");
    }

    // A frame that is far down is loaded when a reader comes near it. This reaches no listener of the window.
    document.addEventListener("load", ({ target }) => { if (target.tagName === "IFRAME") tell(target); }, true);
    new MutationObserver(() => document.querySelectorAll(".divlab-frame iframe").forEach(tell))
        .observe(root, { attributeFilter: ["data-theme"] });
}

// A page opened from a file may read no other page: there the search lists titles without excerpts.
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
