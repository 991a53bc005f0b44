// Tells the shell when the page is seen, so that the live session's scripts do not come in its way, and how far it is
// scrolled, so that the live session starts at the same place. The page has an origin of its own (it is sandboxed), so
// the shell can't look by itself.
(function () {
  if (window.parent === window) {
    return;
  }
  function tell() {
    window.parent.postMessage({ type: "noteyard-rendering-scroll", y: window.scrollY }, "*");
  }
  window.addEventListener("scroll", tell, { passive: true });

  // "interactive" is before the deferred scripts; the second frame begins when the first is painted.
  function seen() {
    if (document.readyState === "loading") {
      return;
    }
    document.removeEventListener("readystatechange", seen);
    window.requestAnimationFrame(function () {
      window.requestAnimationFrame(function () {
        window.parent.postMessage({ type: "noteyard-rendering-seen" }, "*");
      });
    });
  }
  document.addEventListener("readystatechange", seen);
})();
