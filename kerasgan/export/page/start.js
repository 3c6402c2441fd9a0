// A classic script, so that it also runs where modules do not: says why nothing will be drawn.
"use strict";

(function () {
  function problem() {
    if (location.protocol === "file:") {
      return (
        "This page must come from a web server, not from a file: run " +
        "“python -m http.server” in its folder and open http://localhost:8000."
      );
    }
    if (typeof WebAssembly === "undefined") {
      return (
        "This browser has no WebAssembly, which draws the images: use another browser, " +
        "or allow WebAssembly where it was switched off."
      );
    }
    var maps = window.HTMLScriptElement.supports;
    if (!maps || !maps.call(HTMLScriptElement, "importmap")) {
      return "This browser is too old for this page: use a version from 2023 or later.";
    }
    return "";
  }

  window.kerasgan = { problem: problem() };
  if (window.kerasgan.problem) {
    document.getElementById("problem").textContent = window.kerasgan.problem;
    document.getElementById("problem").hidden = false;
    document.getElementById("app").hidden = true;
  }
})();
