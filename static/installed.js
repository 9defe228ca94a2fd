// The app on a phone: registers the service worker, offers a new version when no form is in use, shows how to install.
(function () {
  "use strict";

  var changed = new Set();   // forms somebody has typed into and not sent
  var waiting = null;        // the new version that waits
  var reloading = false;

  // Pages that keep something of their own unsent mark it with data-unsent; no reload is offered while one is there.
  function inUse() {
    changed.forEach(function (form) { if (!form.isConnected) changed.delete(form); });
    return changed.size > 0 || document.querySelector("[data-unsent]") !== null;
  }
  document.addEventListener("input", function (event) {
    var form = event.target.closest("form");
    if (form && form.method === "post") changed.add(form);
  });
  document.addEventListener("reset", function (event) { changed.delete(event.target); later(); });
  document.addEventListener("htmx:afterRequest", function (event) {
    if (event.detail.successful) { changed.delete(event.target); later(); }
  });
  document.addEventListener("evoked:sent", later);

  function later() { setTimeout(offer, 0); }

  function offer() {
    var place = document.getElementById("messages");
    var there = document.getElementById("new-version");
    if (!place || !waiting || inUse()) {
      if (there) there.remove();
      return;
    }
    if (there) return;
    var line = document.createElement("p");
    var button = document.createElement("button");
    line.id = "new-version";
    line.className = "message";
    line.append("A new version of Evoked is here. ");
    button.type = "button";
    button.className = "link";
    button.textContent = "Reload";
    button.addEventListener("click", function () {
      if (inUse()) return offer();
      reloading = true;
      waiting.postMessage({ kind: "take over" });
      // On some iPhones the change of hands is never told; nothing is in use, so reloading is safe.
      setTimeout(function () { location.reload(); }, 3000);
    });
    line.append(button);
    place.append(line);
  }
  document.addEventListener("input", offer);

  function register() {
    navigator.serviceWorker.register("/sw.js", { scope: "/", updateViaCache: "none" }).then(function (registration) {
      function look() {
        waiting = registration.waiting && navigator.serviceWorker.controller ? registration.waiting : null;
        offer();
      }
      function ask() { registration.update().then(look, function () {}); }
      function watch(worker) { if (worker) worker.addEventListener("statechange", look); }
      registration.addEventListener("updatefound", function () { watch(registration.installing); });
      navigator.serviceWorker.addEventListener("message", function (event) {
        if (event.data && event.data.kind === "new version") watch(registration.installing);
      });
      watch(registration.installing);
      look();
      // An installed app on an iPhone does not look for a new version by itself.
      ask();
      window.addEventListener("pageshow", function (event) { if (event.persisted) ask(); });
      document.addEventListener("visibilitychange", function () { if (!document.hidden) ask(); });
    }, function () {});
    navigator.serviceWorker.addEventListener("controllerchange", function () {
      if (reloading) location.reload();
    });
  }

  // Signing out leaves nothing here, also where the browser does not know Clear-Site-Data. A listener that calls
  // preventDefault() on evoked:signing-out keeps the person signed in; one that pushes promises to detail.until is waited for.
  function wipe(event) {
    var form = event.target;
    if (new URL(form.action, location).pathname !== "/sign-out" || form.dataset.wiped) return;
    event.preventDefault();
    var asked = new CustomEvent("evoked:signing-out", { cancelable: true, detail: { form: form, until: [] } });
    if (!document.dispatchEvent(asked)) return;
    var work = asked.detail.until;
    if (window.caches) work.push(caches.keys().then(function (names) { return Promise.all(names.map(function (name) { return caches.delete(name); })); }));
    if ("serviceWorker" in navigator) work.push(navigator.serviceWorker.getRegistrations().then(function (all) {
      return Promise.all(all.map(function (one) { return one.unregister(); }));
    }));
    if (navigator.clearAppBadge) work.push(navigator.clearAppBadge());
    var enough = new Promise(function (done) { setTimeout(done, 2000); });
    Promise.race([Promise.allSettled(work), enough]).then(function () {
      sessionStorage.clear();
      form.dataset.wiped = "yes";
      form.submit();
    });
  }

  // How to install: by the browser's own question where it has one, by pictures where it has not.
  function installing() {
    var question = null;
    var ask = document.getElementById("install-now");
    var done = document.getElementById("install-done");
    var standalone = matchMedia("(display-mode: standalone)").matches || navigator.standalone === true;
    document.documentElement.toggleAttribute("data-standalone", standalone);
    if (done && standalone) done.hidden = false;
    // The hint on the first page stays away for good once somebody said so on this phone.
    function hint(shown) {
      var place = document.querySelector("[data-install-hint]");
      if (place) place.hidden = !shown || localStorage.getItem("install-later") !== null;
    }
    var later = document.getElementById("install-later");
    if (later) later.addEventListener("click", function () {
      localStorage.setItem("install-later", "yes");
      hint(false);
    });
    window.addEventListener("beforeinstallprompt", function (event) {
      event.preventDefault();
      question = event;
      if (ask) ask.hidden = false;
      hint(true);
    });
    window.addEventListener("appinstalled", function () {
      if (ask) ask.hidden = true;
      if (done) done.hidden = false;
      hint(false);
    });
    if (ask) ask.querySelector("button").addEventListener("click", function () {
      if (question) question.prompt();
      question = null;
      ask.hidden = true;
    });
    var iphone = /iPhone|iPad/.test(navigator.userAgent) || (/Macintosh/.test(navigator.userAgent) && navigator.maxTouchPoints > 1);
    if (iphone && !standalone) hint(true);
  }

  document.addEventListener("submit", function (event) {
    changed.delete(event.target);
    wipe(event);
  });
  installing();
  var again = document.getElementById("again");
  if (again) {
    again.href = location.pathname === "/offline" ? "/" : location.href;
    window.addEventListener("online", function () {
      // The phone copy of a case goes on where it is; what was typed there is not reloaded away.
      if (!document.querySelector("#offline[data-ready] .ph-foot")) location.replace(again.href);
    });
  } else if ("serviceWorker" in navigator && document.body.classList.contains("desk")) {
    register();
  }
})();
