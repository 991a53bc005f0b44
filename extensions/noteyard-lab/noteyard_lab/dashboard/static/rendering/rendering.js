// Tells the shell how far the page is scrolled, so that the live session starts at the same place. The page has an
// origin of its own (it is sandboxed), so the shell can't look by itself.
(function () {
  if (window.parent === window) {
    return;
  }
  function tell() {
    window.parent.postMessage({ type: "noteyard-rendering-scroll", y: window.scrollY }, "*");
  }
  window.addEventListener("scroll", tell, { passive: true });
})();
