// The service worker: keeps the files of the app, shows the shell when there is no network, shows notices.
// It keeps no page and no data of the practice, and sends nothing again: that is the page's own work.
"use strict";

const CACHE = "evoked-" + TOLD.version;
const KEPT = new Set([TOLD.shell, ...TOLD.files]);

self.addEventListener("install", (event) => {
  event.waitUntil((async () => {
    const cache = await caches.open(CACHE);
    // Without cookies: the shell is fetched as nobody, so it can hold nothing of whoever is signed in.
    await cache.addAll([...KEPT].map((path) => new Request(path, { cache: "reload", credentials: "omit" })));
    for (const page of await clients.matchAll({ includeUncontrolled: true })) page.postMessage({ kind: "new version" });
  })());
});

self.addEventListener("activate", (event) => {
  event.waitUntil((async () => {
    for (const name of await caches.keys()) if (name.startsWith("evoked-") && name !== CACHE) await caches.delete(name);
    await clients.claim();
  })());
});

// A new version waits until a page says that no form is in use there.
self.addEventListener("message", (event) => {
  if (event.data && event.data.kind === "take over") self.skipWaiting();
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== location.origin) return;
  if (KEPT.has(url.pathname + url.search)) {
    event.respondWith(kept(url.pathname + url.search).then((answer) => answer || fetch(request)));
  } else if (request.mode === "navigate") {
    event.respondWith(fetch(request).catch(async () => (await kept(TOLD.shell)) || Response.error()));
  }
  // Everything else may hold a patient's data: the network answers, or nobody.
});

async function kept(path) {
  return (await caches.open(CACHE)).match(path);
}

// The network is back, where the browser says so: the pages send what waits. Without a page it stays and waits.
self.addEventListener("sync", (event) => {
  event.waitUntil(clients.matchAll({ type: "window" }).then((pages) => pages.forEach((page) => page.postMessage({ kind: "send" }))));
});

// Every push shows a notification: Apple takes the subscription away from an app that hides some.
self.addEventListener("push", (event) => {
  event.waitUntil((async () => {
    let said = {};
    try {
      said = event.data.json().notification || {};
    } catch (error) {
      // Not ours or not whole: the words below are shown.
    }
    const shown = {
      tag: said.tag || "evoked", icon: TOLD.icon, badge: TOLD.badge, lang: "en-US", data: { url: inside(said.navigate) }
    };
    await self.registration.showNotification(said.title || "Something needs you: open Evoked", shown);
    const count = Number(said.app_badge);
    if (self.navigator.setAppBadge && count > 0) await self.navigator.setAppBadge(count).catch(() => {});
  })());
});

function inside(address) {
  try {
    const url = new URL(address || "/", location.origin);
    return url.origin === location.origin ? url.href : location.origin + "/";
  } catch (error) {
    return location.origin + "/";
  }
}

// The page opens in a window of its own unless it is open already: a form in use stays where it is.
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil((async () => {
    const url = inside(event.notification.data && event.notification.data.url);
    const open = (await clients.matchAll({ type: "window" })).find((page) => page.url === url);
    return open ? open.focus() : clients.openWindow(url);
  })());
});

// The browser replaced the subscription by itself. If this fails, the page mends it when it is next opened.
self.addEventListener("pushsubscriptionchange", (event) => {
  event.waitUntil((async () => {
    const fresh = event.newSubscription || await self.registration.pushManager.subscribe(
      { userVisibleOnly: true, applicationServerKey: TOLD.key }
    );
    const { endpoint, keys } = fresh.toJSON();
    const { token } = await (await fetch(TOLD.token)).json();
    await fetch(TOLD.devices, {
      method: "POST", redirect: "manual", headers: { "X-CSRFToken": token },
      body: new URLSearchParams({ endpoint, p256dh: keys.p256dh, auth: keys.auth })
    });
  })());
});
