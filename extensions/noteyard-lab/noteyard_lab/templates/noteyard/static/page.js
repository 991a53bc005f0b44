// Tells outputs that look for JupyterLab's theme which one is shown; the colours themselves are CSS.
(function () {
  var dark = window.matchMedia("(prefers-color-scheme: dark)");
  function tell() {
    document.body.dataset.jpThemeLight = dark.matches ? "false" : "true";
    document.body.dataset.jpThemeName = dark.matches ? "JupyterLab Dark" : "JupyterLab Light";
  }
  dark.addEventListener("change", tell);
  tell();
})();

// For keyboards and screen readers: outputs that scroll can be reached, pictures have a text.
document.addEventListener("DOMContentLoaded", function () {
  document.querySelectorAll(".jp-OutputArea-output, .jp-OutputArea-output pre, .jp-InputArea-editor").forEach(function (part) {
    if (part.scrollHeight > part.clientHeight + 1 || part.scrollWidth > part.clientWidth + 1) part.tabIndex = 0;
  });
  document.querySelectorAll("img:not([alt])").forEach(function (image) { image.alt = "Picture made by the notebook"; });
});
