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
