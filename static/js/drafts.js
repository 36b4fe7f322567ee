// Keeps a page of a form as a draft while somebody types. Without this file the button "Save the draft" does it.
// The page's own form is sent with its version, so a colleague's newer words are never overwritten.
(function () {
  "use strict";
  if (!window.fetch || !window.FormData) { return; }
  document.querySelectorAll("form[data-drafts]").forEach(function (form) {
    var WAIT = 1500; // milliseconds of rest after the last key
    var line = form.querySelector("[data-draft-state]");
    var version = form.querySelector("[name=version]");
    var last = words(), timer = null, sending = null, over = false, again = false;

    function words() {
      var data = new FormData(form);
      data.delete("version");
      data.delete("csrf_token");
      return new URLSearchParams(data).toString();
    }
    function tell(text) { line.textContent = text; line.hidden = !text; }

    function keep() {
      timer = null;
      if (over || form.hasAttribute("data-sent")) { return; }
      if (sending) { again = true; return; }
      var now = words();
      if (now === last) { return; }
      var data = new FormData(form);
      data.set("go", "typing");
      sending = fetch(form.action, { method: "POST", body: data, credentials: "same-origin", redirect: "error" })
        .then(function (answer) {
          return answer.json().then(function (body) {
            if (answer.ok) {
              version.value = body.version;
              last = now;
              tell(body.message);
            } else {
              over = true;
              tell(body.stale ? form.dataset.stale : body.message || form.dataset.failed);
            }
          });
        })
        .catch(function () { tell(form.dataset.failed); }) // the line is down: the next key tries again
        .then(function () {
          sending = null;
          if (again) { again = false; later(); }
        });
    }
    function later() {
      clearTimeout(timer);
      timer = setTimeout(keep, WAIT);
    }
    form.addEventListener("input", later);
    form.addEventListener("change", later);
    // the button waits for a draft that is on its way, else it would seem to come from somebody else
    form.addEventListener("submit", function (event) {
      clearTimeout(timer);
      if (!sending) { return; }
      event.preventDefault();
      var button = event.submitter;
      sending.then(function () { form.requestSubmit(button || undefined); });
    });
  });
}());
