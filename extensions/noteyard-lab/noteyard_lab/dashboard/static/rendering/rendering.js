// Tells the shell when the page is seen, so that the live session's scripts do not come in its way, and how far it is
// scrolled, so that the live session starts at the same place. The page has an origin of its own (it is sandboxed), so
// the shell can't look by itself.
//
// Formulas and widgets take their scripts a second or two, which is when the live session is being drawn as well. So
// they wait until the shell says {type: "noteyard-rendering-draw"}: no live session is near.
(function () {
  var LATER = "text/x-noteyard-later";
  var PATIENCE = 10000; // for shells of versions that do not say it
  var drawn = false;

  function draw() {
    if (drawn) {
      return;
    }
    drawn = true;
    document.querySelectorAll('script[type="' + LATER + '"]').forEach(function (waiting) {
      var script = document.createElement("script");
      Array.from(waiting.attributes).forEach(function (attribute) {
        if (attribute.name !== "type") {
          script.setAttribute(attribute.name, attribute.value);
        }
      });
      script.async = false; // in their order
      waiting.replaceWith(script);
    });
  }

  if (window.parent === window) {
    document.addEventListener("DOMContentLoaded", draw);
    return;
  }
  function tell() {
    window.parent.postMessage({ type: "noteyard-rendering-scroll", y: window.scrollY }, "*");
  }
  window.addEventListener("scroll", tell, { passive: true });
  window.addEventListener("message", function (event) {
    if (event.source === window.parent && event.data && event.data.type === "noteyard-rendering-draw") {
      draw();
    }
  });
  window.setTimeout(draw, PATIENCE);

  // The second frame begins when the first is painted.
  document.addEventListener("DOMContentLoaded", function () {
    window.requestAnimationFrame(function () {
      window.requestAnimationFrame(function () {
        window.parent.postMessage({ type: "noteyard-rendering-seen" }, "*");
      });
    });
  });
})();
