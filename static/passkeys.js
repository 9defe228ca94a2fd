// Passkeys: ask the server for a challenge, have the device sign it, send it with the form. Without this, the password.
(function () {
  "use strict";
  var able = window.PublicKeyCredential && PublicKeyCredential.parseCreationOptionsFromJSON;

  function say(text) {
    var line = document.getElementById("passkey-says");
    if (line) line.textContent = text;
  }

  async function use(button) {
    var form = button.form, makes = "makes" in button.dataset;
    if (makes && !form.reportValidity()) return;
    var token = JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRFToken"];
    var answer = await fetch(button.dataset.passkey, { method: "POST", headers: { "X-CSRFToken": token } });
    if (!answer.ok) return say("No passkey can be used here now. Type your password.");
    var options = await answer.json();
    var made = makes
      ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) })
      : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
    form.elements.credential.value = JSON.stringify(made.toJSON());
    if (!makes) form.elements.password.required = false;
    form.requestSubmit();
  }

  document.querySelectorAll("[data-passkey]").forEach(function (button) {
    if (!able) return say("This browser knows no passkeys.");
    button.hidden = false;
    button.addEventListener("click", function () {
      use(button).catch(function () { say("Your device gave no passkey. Nothing was changed."); });
    });
  });
})();
