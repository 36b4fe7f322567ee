// Everything works without this file; it only saves a click or a slip.
(function () {
  "use strict";

  // Copy a reference.
  if (navigator.clipboard) {
    document.querySelectorAll("button[data-copy]").forEach(function (button) {
      var words = button.querySelector("span");
      var before = words.textContent;
      button.hidden = false;
      button.addEventListener("click", function () {
        navigator.clipboard.writeText(button.dataset.copy).then(function () {
          words.textContent = button.dataset.done;
          setTimeout(function () { words.textContent = before; }, 2000);
        }, function () { button.hidden = true; });
      });
    });
  }

  // Send a form once. The button is disabled after the browser has collected its value.
  document.addEventListener("submit", function (event) {
    var form = event.target;
    if (!form.hasAttribute("data-once") || event.defaultPrevented) { return; }
    if (form.hasAttribute("data-sent")) { event.preventDefault(); return; }
    form.setAttribute("data-sent", "");
    setTimeout(function () { buttons(form, true); }, 0);
    setTimeout(function () { release(form); }, 20000); // a download leaves the page as it is
  });
  window.addEventListener("pageshow", function () {
    document.querySelectorAll("form[data-sent]").forEach(release);
  });
  function release(form) {
    form.removeAttribute("data-sent");
    buttons(form, false);
  }
  function buttons(form, off) {
    Array.prototype.forEach.call(form.elements, function (element) {
      if (element.type !== "submit") { return; }
      if (off && !element.disabled) { element.disabled = true; element.setAttribute("data-held", ""); }
      if (!off && element.hasAttribute("data-held")) { element.disabled = false; element.removeAttribute("data-held"); }
    });
  }

  // One box chooses every line of a list, or none.
  document.querySelectorAll("[data-all]").forEach(function (part) {
    var all = part.querySelector("input");
    var boxes = part.closest("form").querySelectorAll('input[type="checkbox"][name="' + part.dataset.all + '"]');
    function show() {
      var chosen = Array.prototype.filter.call(boxes, function (box) { return box.checked; }).length;
      all.checked = chosen === boxes.length;
      all.indeterminate = chosen > 0 && chosen < boxes.length;
    }
    all.addEventListener("change", function () {
      boxes.forEach(function (box) { box.checked = all.checked; });
    });
    boxes.forEach(function (box) { box.addEventListener("change", show); });
    part.hidden = false;
    show();
  });

  // After a failed submit, begin at the list of problems.
  var errors = document.getElementById("error-summary");
  if (errors) { errors.focus(); }

  // Close a menu by Escape or a click elsewhere.
  document.addEventListener("keydown", function (event) {
    if (event.key !== "Escape") { return; }
    document.querySelectorAll("details.menu[open]").forEach(function (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
    });
  });
  document.addEventListener("click", function (event) {
    document.querySelectorAll("details.menu[open]").forEach(function (menu) {
      if (!menu.contains(event.target)) { menu.open = false; }
    });
  });
})();
