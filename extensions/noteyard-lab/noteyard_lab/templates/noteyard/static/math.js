// MathJax 3, and what the widget manager needs of MathJax 2: it asks MathJax.Hub to typeset its labels.
(function () {
  var waiting = [];
  var hub = { Queue: function (call) { waiting.push(call[2]); } };
  function typeset(element) {
    MathJax.startup.promise = MathJax.startup.promise.then(function () { return MathJax.typesetPromise([element]); });
  }
  window.MathJax = {
    Hub: hub,
    tex: {
      inlineMath: [["$", "$"], ["\\(", "\\)"]],
      displayMath: [["$$", "$$"], ["\\[", "\\]"]],
      processEscapes: true,
      processEnvironments: true,
      tags: "ams"
    },
    options: { ignoreHtmlClass: "tex2jax_ignore|mathjax_ignore" },
    startup: {
      ready: function () {
        MathJax.startup.defaultReady();
        MathJax.Hub = hub;
        hub.Queue = function (call) { typeset(call[2]); };
        waiting.splice(0).forEach(typeset);
      }
    }
  };
})();
