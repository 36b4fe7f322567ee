// Makes a passkey, or shows one: the browser's part. What it answers goes with the page's own form, and the server
// decides. Without this file the code of an app, or a recovery code, does the same.
(function () {
  "use strict";

  function bytes(text) {
    var plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(plain, function (letter) { return letter.charCodeAt(0); });
  }
  function text(buffer) {
    var plain = "";
    new Uint8Array(buffer).forEach(function (byte) { plain += String.fromCharCode(byte); });
    return btoa(plain).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  }
  function readable(keys) {
    (keys || []).forEach(function (key) { key.id = bytes(key.id); });
  }

  // Ask for options with a new challenge, let the browser answer, and write that down as the server reads it.
  function ceremony(box, form) {
    var body = new URLSearchParams();
    var token = form.querySelector("[name=csrf_token]");
    if (token) { body.set("csrf_token", token.value); }
    return fetch(box.dataset.options, { method: "POST", body: body, credentials: "same-origin", redirect: "error" })
      .then(function (answer) {
        return answer.json().then(function (options) {
          if (!answer.ok) { throw { told: options.message }; }
          options.challenge = bytes(options.challenge);
          readable(options.allowCredentials);
          readable(options.excludeCredentials);
          if (box.dataset.passkey === "prove") { return navigator.credentials.get({ publicKey: options }); }
          options.user.id = bytes(options.user.id);
          return navigator.credentials.create({ publicKey: options });
        });
      })
      .then(function (made) {
        var from = made.response;
        var response = { clientDataJSON: text(from.clientDataJSON) };
        if (from.attestationObject) {
          response.attestationObject = text(from.attestationObject);
          response.transports = from.getTransports ? from.getTransports() : [];
        } else {
          response.authenticatorData = text(from.authenticatorData);
          response.signature = text(from.signature);
          if (from.userHandle) { response.userHandle = text(from.userHandle); }
        }
        return JSON.stringify({ id: made.id, rawId: text(made.rawId), type: made.type, response: response });
      });
  }

  document.querySelectorAll("[data-passkey]").forEach(function (box) {
    var form = box.closest("form") || box.querySelector("form");
    var field = form.querySelector('[name="' + box.dataset.field + '"]');
    var state = box.querySelector("[data-passkey-state]");
    var button = box.querySelector("[data-passkey-button]");
    var busy = false;

    function tell(words) {
      state.textContent = words || "";
      state.hidden = !words;
    }
    function go() {
      if (busy) { return; }
      busy = true;
      tell("");
      ceremony(box, form).then(function (answer) {
        field.value = answer;
        form.requestSubmit();
      }, function (error) {
        var known = { NotAllowedError: box.dataset.cancelled, InvalidStateError: box.dataset.known };
        tell(error.told || known[error.name] || box.dataset.failed);
      }).then(function () { busy = false; });
    }

    window.addEventListener("pageshow", function () { field.value = ""; }); // an answer is good once
    var here = location.origin === box.dataset.origin;
    if (!here || !window.PublicKeyCredential || !window.fetch) {
      state.className = "quiet"; // nothing went wrong
      tell(here ? box.dataset.failed : box.dataset.elsewhere);
      box.hidden = false;
      if (box.dataset.passkey === "add") {
        form.querySelector("button[type=submit]").disabled = true;
      }
      return;
    }
    if (box.dataset.passkey === "prove") {
      button.hidden = false;
      box.hidden = false;
      // one button leads: the code is the other way now
      form.querySelector(".actions .button.primary").classList.replace("primary", "secondary");
      button.addEventListener("click", go);
    } else {
      form.addEventListener("submit", function (event) {
        if (field.value || !form.elements.name.value.trim()) { return; } // the server says what is missing
        event.preventDefault();
        go();
      });
    }
  });
}());
