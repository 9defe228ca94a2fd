// Notices on this device: asked for by a tap, looked at again at each opening, mended when the browser lost them.
(function () {
  "use strict";

  var able = "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;
  var page = document.getElementById("this-device");
  var EVERY = 3600000;
  var leaving = false;
  document.addEventListener("evoked:signing-out", function () { leaving = true; });

  function show(name) {
    page.querySelectorAll("[data-when]").forEach(function (part) {
      part.hidden = part.dataset.when.split(" ").indexOf(name) < 0;
    });
  }

  function token() {
    return JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRFToken"];
  }

  function post(address, fields) {
    return fetch(address, {
      method: "POST", headers: { "X-CSRFToken": token() }, body: new URLSearchParams(fields), redirect: "manual"
    });
  }

  function fields(subscription) {
    var whole = subscription.toJSON();
    return { endpoint: whole.endpoint, p256dh: whole.keys.p256dh, auth: whole.keys.auth };
  }

  function subscribe(registration, key) {
    return registration.pushManager.getSubscription().then(function (old) {
      return old || registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
    });
  }

  // What the browser has is held against what the server knows. Resolves to on, off or lost.
  function check() {
    return navigator.serviceWorker.ready.then(function (registration) {
      return registration.pushManager.getSubscription().then(function (mine) {
        return post("/me/devices/checks", { endpoint: mine ? mine.endpoint : "" }).then(function (answer) {
          return answer.json();
        }).then(function (told) {
          badge(told.waiting);
          if (told.state !== "lost" || Notification.permission !== "granted") return told.state;
          return subscribe(registration, told.key).then(function (fresh) {
            return post("/me/devices", fields(fresh));
          }).then(function () { return "on"; }, function () { return "lost"; });
        });
      });
    });
  }

  // Entries that were not sent count with the notices that were not read: record.js adds both up.
  function badge(count) {
    sessionStorage.setItem("notices-waiting", String(count));
    document.dispatchEvent(new Event("evoked:badge"));
  }

  function look() {
    if (!able) return page && show("unable");
    check().then(function (state) {
      if (leaving) return;
      sessionStorage.setItem("notices-checked", String(Date.now()));
      if (page) show(state === "on" ? "on" : Notification.permission === "denied" ? "denied" : state);
    }, function () {});
  }

  function turnOn() {
    var button = document.getElementById("turn-on");
    button.disabled = true;
    Notification.requestPermission().then(function (answer) {
      if (answer !== "granted") return show(answer === "denied" ? "denied" : "off");
      return navigator.serviceWorker.ready.then(function (registration) {
        return subscribe(registration, page.dataset.key);
      }).then(function (subscription) {
        var form = document.getElementById("enroll");
        var known = fields(subscription);
        Object.keys(known).forEach(function (name) { form.elements[name].value = known[name]; });
        form.submit();
      });
    }).catch(function () { show("failed"); }).then(function () { button.disabled = false; });
  }

  if (page) {
    var button = document.getElementById("turn-on");
    if (button) button.addEventListener("click", turnOn);
    page.querySelectorAll("form[data-turn-off]").forEach(function (form) {
      form.addEventListener("submit", function (event) {
        event.preventDefault();
        navigator.serviceWorker.ready.then(function (registration) {
          return registration.pushManager.getSubscription();
        }).then(function (mine) { return mine && mine.unsubscribe(); }).catch(function () {}).then(function () { form.submit(); });
      });
    });
    look();
  } else if (able && Date.now() - Number(sessionStorage.getItem("notices-checked") || 0) > EVERY) {
    look();
  }
  document.addEventListener("visibilitychange", function () {
    if (!document.hidden && able && Date.now() - Number(sessionStorage.getItem("notices-checked") || 0) > EVERY) look();
  });
})();
