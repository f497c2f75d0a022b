// Asks the browser for a passkey, or for a new one, and sends the answer as a form. The only script of the portal.
"use strict";
(function () {
  var form = document.getElementById("passkey");
  var trouble = document.getElementById("passkey-trouble");

  function octets(text) {
    var plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(plain, function (sign) { return sign.charCodeAt(0); });
  }

  function text(buffer) {
    var plain = String.fromCharCode.apply(null, new Uint8Array(buffer));
    return btoa(plain).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  }

  function withOctets(options) {
    options.challenge = octets(options.challenge);
    if (options.user) { options.user.id = octets(options.user.id); }
    ["excludeCredentials", "allowCredentials"].forEach(function (name) {
      (options[name] || []).forEach(function (one) { one.id = octets(one.id); });
    });
    return options;
  }

  function written(credential) {
    var answer = credential.response;
    var fields = { clientDataJSON: text(answer.clientDataJSON) };
    ["attestationObject", "authenticatorData", "signature", "userHandle"].forEach(function (name) {
      if (answer[name]) { fields[name] = text(answer[name]); }
    });
    return JSON.stringify({
      id: credential.id,
      rawId: text(credential.rawId),
      type: credential.type,
      response: fields,
      clientExtensionResults: {}
    });
  }

  function ask() {
    trouble.hidden = true;
    var options = { publicKey: withOctets(JSON.parse(form.dataset.options)) };
    var asked = form.dataset.adds ? navigator.credentials.create(options) : navigator.credentials.get(options);
    asked.then(function (credential) {
      form.elements.answer.value = written(credential);
      form.submit();
    }).catch(function () { trouble.hidden = false; });
  }

  form.addEventListener("submit", function (event) {
    event.preventDefault();
    ask();
  });
  if (!window.PublicKeyCredential) { trouble.hidden = false; }
}());
