// Suggests the name in a dashboard's link from its title, until somebody writes their own.
(function () {
  "use strict";

  var title = document.getElementById("f-title");
  var slug = document.getElementById("f-slug");

  function suggestion() {
    return title.value.normalize("NFKD").toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 40);
  }

  var own = slug.value !== "" && slug.value !== suggestion();
  slug.addEventListener("input", function () { own = slug.value !== ""; });
  title.addEventListener("input", function () { if (!own) { slug.value = suggestion(); } });
})();
