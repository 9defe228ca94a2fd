// The record on the phone. Every tap is an entry in this phone's own store first, encrypted, and is sent after that:
// no answer of the network, no closed page and no second phone can lose it or make it twice (the id is made here).
// The server judges and folds; here stands only what the form needs to draw itself without it.
(function () {
  "use strict";
  const root = document.getElementById("phone") || document.getElementById("offline");
  const DAY = 86400000,
    UNDO = 600000,
    SESSION = crypto.randomUUID();
  let db = null,
    keys = {},
    meta = {},
    held = new Map(),
    outbox = [],
    broken = "",
    said = "",
    auth = "";
  let fix = null,
    token = "",
    sending = false,
    again = false,
    hidden = 0,
    lock = null,
    soon = 0;
  let caseId = 0,
    route = "",
    now0 = 0;
  const chosen = { when: null, status: "", side: "", site: "", alert: "", more: false, setUp: false, levels: [] };

  // The store: keys, what is known of this phone, the cases it holds, what was not sent yet.

  const done = (request) =>
    new Promise((yes, no) => {
      request.onsuccess = () => yes(request.result);
      request.onerror = () => no(request.error);
    });
  function open() {
    return new Promise((yes, no) => {
      const request = indexedDB.open("evoked", 1);
      request.onupgradeneeded = () => {
        for (const name of ["keys", "meta", "cases"]) request.result.createObjectStore(name);
        request.result.createObjectStore("outbox", { keyPath: "seq", autoIncrement: true });
      };
      request.onsuccess = () => {
        request.result.onversionchange = () => request.result.close();
        request.result.onclose = () => {
          db = null;
        };
        yes(request.result);
      };
      request.onerror = () => no(request.error);
      request.onblocked = () => no(new Error("blocked"));
    });
  }
  // iPhones lose the connection in the background: it is opened again and the work done once more.
  async function store(names, work, mode = "readwrite", tries = 2) {
    try {
      if (!db) db = await open();
      const task = db.transaction(names, mode, { durability: "strict" });
      const end = new Promise((yes, no) => {
        task.oncomplete = yes;
        task.onabort = task.onerror = () => no(task.error || new Error("aborted"));
      });
      const got = await work(Object.fromEntries(names.map((name) => [name, task.objectStore(name)])));
      await end;
      return got;
    } catch (error) {
      if (tries > 1 && error && ["InvalidStateError", "UnknownError", "AbortError"].includes(error.name)) {
        db = null;
        return store(names, work, mode, tries - 1);
      }
      throw error;
    }
  }
  const newKey = () => crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
  async function seal(name, value) {
    const iv = crypto.getRandomValues(new Uint8Array(12));
    return {
      iv,
      box: await crypto.subtle.encrypt(
        { name: "AES-GCM", iv },
        keys[name],
        new TextEncoder().encode(JSON.stringify(value)),
      ),
    };
  }
  async function unseal(name, { iv, box }) {
    return JSON.parse(new TextDecoder().decode(await crypto.subtle.decrypt({ name: "AES-GCM", iv }, keys[name], box)));
  }
  async function ensureKeys() {
    if (broken) return;
    for (const name of ["cases", "outbox"]) {
      if (keys[name]) continue;
      const made = await newKey();
      // Two windows may make one at once: the first that is there counts.
      keys[name] = await store(
        ["keys"],
        async ({ keys: all }) => (await done(all.get(name))) || (await done(all.put(made, name)), made),
      );
    }
  }
  const remember = (changes) => {
    Object.assign(meta, changes);
    return broken ? null : store(["meta"], ({ meta: all }) => done(all.put(meta, "phone")));
  };

  async function load() {
    try {
      if (!window.indexedDB || !crypto.subtle) throw new Error("missing");
      const got = await store(
        ["keys", "meta", "cases", "outbox"],
        async (s) => ({
          meta: await done(s.meta.get("phone")),
          cases: await done(s.cases.getAll()),
          outbox: await done(s.outbox.getAll()),
          keys: Object.fromEntries(
            (await Promise.all(["cases", "outbox"].map(async (name) => [name, await done(s.keys.get(name))]))).filter(
              (pair) => pair[1],
            ),
          ),
        }),
        "readonly",
      );
      keys = got.keys;
      meta = got.meta || { device: "phone-" + crypto.randomUUID().slice(0, 8) };
      const lost = /(?:^|; )evoked-waiting=(\d+)/.exec(document.cookie);
      if (!got.meta && lost && Number(lost[1]))
        said = `The browser emptied this phone's store. ${lost[1]} entries that had not been sent were lost with it; what had been sent is safe. Look through the record.`;
      if (tooLongAway()) {
        await forget();
        said =
          "This phone did not reach the server for days, so its copies of cases were made unreadable. They come back when it does.";
        got.cases = [];
      }
      await ensureKeys();
      if (!got.meta) await remember({});
      held = new Map();
      for (const one of got.cases) {
        try {
          const c = await unseal("cases", one);
          held.set(c.id, c);
        } catch (error) {
          /* sealed with a key that is gone: unreadable by design */
        }
      }
      await readOutbox(got.outbox);
      if (navigator.storage && navigator.storage.persist)
        navigator.storage.persist().then((kept) => {
          meta.persisted = kept;
        });
    } catch (error) {
      broken =
        error && error.name === "QuotaExceededError"
          ? "This phone's storage is full. The form works online only: an entry is kept once the top of the page says it was sent."
          : "This browser keeps nothing, as in private mode. The form works online only: an entry is kept once the top of the page says it was sent.";
      meta = { device: "phone-" + crypto.randomUUID().slice(0, 8) };
    }
  }
  async function readOutbox(rows) {
    const mine = [];
    for (const row of rows) mine.push({ ...row, ...(await unseal("outbox", row)) });
    outbox = mine;
    count();
  }
  // What is written and what is read back take turns, so that no tap falls between.
  let turn = Promise.resolve(),
    writing = 0;
  const inTurn = (work) => {
    const mine = turn.then(work);
    turn = mine.catch(() => {});
    return mine;
  };
  const reread = () =>
    inTurn(() =>
      broken ? null : store(["outbox"], ({ outbox: all }) => done(all.getAll()), "readonly").then(readOutbox),
    );
  const waiting = () => outbox.filter((one) => one.state !== "refused");
  function count() {
    document.cookie = `evoked-waiting=${outbox.length}; path=/; max-age=${outbox.length ? 31536000 : 0}; samesite=strict`;
    badge();
    inUse();
  }
  // No new version of the app is offered while something here would be lost with the page.
  function inUse(typed) {
    const kept = drafts.size || guesses.some((one) => !one.taken) || (broken && outbox.length);
    if (root) root.toggleAttribute("data-unsent", Boolean(typed || kept));
  }
  if (root) root.addEventListener("input", () => inUse(true));
  function badge() {
    if (!navigator.setAppBadge) return;
    const sum = outbox.length + Number(sessionStorage.getItem("notices-waiting") || 0);
    (sum ? navigator.setAppBadge(sum) : navigator.clearAppBadge()).catch(() => {});
  }
  document.addEventListener("evoked:badge", badge);
  const inside = ({ case: of, body, state, code, reasons, tap }) => ({ case: of, body, state, code, reasons, tap });
  async function keepOutbox(items) {
    if (broken) return;
    const sealed = await Promise.all(
      items.map(async (one) => ({
        client_id: one.body.client_id,
        person: one.person,
        ...(one.seq ? { seq: one.seq } : {}),
        ...(await seal("outbox", inside(one))),
      })),
    );
    const seqs = await store(["outbox"], ({ outbox: all }) => Promise.all(sealed.map((row) => done(all.put(row)))));
    items.forEach((one, index) => {
      one.seq = seqs[index];
    });
  }
  async function keepCases(cases, whole) {
    cases.forEach((c) => held.set(c.id, c));
    if (broken) return;
    const sealed = await Promise.all(cases.map(async (c) => [c.id, await seal("cases", c)]));
    await store(["cases"], ({ cases: all }) => {
      if (whole) all.clear();
      sealed.forEach(([id, box]) => all.put(box, id));
    });
  }
  // The copies of cases become unreadable: their key goes first. What was not sent stays.
  async function forget() {
    held = new Map();
    delete keys.cases;
    if (!broken)
      await store(["keys", "cases"], (s) => {
        s.keys.delete("cases");
        s.cases.clear();
      });
  }
  async function wipe() {
    held = new Map();
    outbox = [];
    keys = {};
    meta = {};
    count();
    if (db) db.close();
    db = null;
    await new Promise((yes) => {
      const request = indexedDB.deleteDatabase("evoked");
      request.onsuccess = request.onerror = request.onblocked = yes;
    });
  }

  // Making entries

  const iso = (ms) => new Date(ms).toISOString();
  function busy(more) {
    writing += more;
    if (root) root.dataset.writing = writing;
  }
  // `make` says what a tap makes when its turn comes: of two quick taps the second knows what the first one made.
  async function put(make, wall = Date.now()) {
    const tap = { mono: performance.now(), session: SESSION, hidden };
    let items = [];
    busy(1);
    await inTurn(async () => {
      folded = null;
      items = make().map((one, index) => written(one, iso(wall + index), { ...tap, index }));
      try {
        await keepOutbox(items);
      } catch (error) {
        broken =
          "This phone's storage is full. From here on the form works online only: an entry is kept once the top of the page says it was sent.";
      }
      outbox.push(...items);
      count();
    }).finally(() => busy(-1));
    folded = null;
    if (!items.length) return [];
    if (navigator.vibrate) navigator.vibrate(20);
    setTimeout(send, 0);
    return items.map((one) => one.body.client_id);
  }
  // Entries of one tap keep their order by a millisecond each: `keyed` is that of this one.
  function written(one, keyed, tap) {
    const body = {
      client_id: crypto.randomUUID(),
      kind: one.kind,
      data: { ...one.data },
      at: one.now ? keyed : (one.at ?? null),
      entered_at: keyed,
      offset_ms: null,
      device: meta.device,
      replaces: one.replaces || null,
    };
    for (const field of one.times || []) body.data[field] = keyed;
    return { case: caseId, person: meta.person, body, state: "waiting", tap };
  }
  // What was drawn may have been corrected since: the newest version is what a correction replaces.
  const newest = (line) => fold().lines.find((one) => one.root === line.root) || line;
  const correct = (drawn, change, more = {}) => {
    const line = newest(drawn);
    return {
      kind: line.kind,
      at: line.at,
      data: { ...line.data, ...(typeof change === "function" ? change(line.data) : change) },
      replaces: line.client_id,
      ...more,
    };
  };
  const strike = (drawn) => {
    const line = newest(drawn);
    return { kind: "struck", at: line.at, replaces: line.client_id, data: { reason: "undone on the phone" } };
  };
  // One of its kind in a case: corrected where it is there, else made.
  const correctOr = (find, change, made) => {
    const line = find();
    return line ? correct(line, change) : made;
  };

  // The clock: the phone's own may be wrong, be set right between tap and sending, or stand still while it sleeps.
  const offsetOf = (one) => {
    const byWall = fix.offset;
    if (one.tap.session !== SESSION) return Math.round(byWall);
    const byRun = fix.server - (fix.mono - one.tap.mono) - Date.parse(one.body.entered_at);
    if (Math.abs(byRun - byWall) < 5000) return Math.round(byWall);
    // They differ: the clock was set, or the phone slept. Sleep only ever makes the run shorter.
    return Math.round(byRun < byWall || one.tap.hidden === hidden ? byRun : byWall);
  };
  const shownNow = () => Date.now() + (fix && Math.abs(fix.offset) > 2000 ? fix.offset : 0);

  // Sending

  class Ended extends Error {}
  async function ask(path, options = {}) {
    const sent = Date.now();
    const answer = await fetch(path, {
      credentials: "same-origin",
      cache: "no-store",
      redirect: "error",
      signal: AbortSignal.timeout(15000),
      ...options,
    });
    if (answer.status === 401) {
      auth = (await answer.json().catch(() => ({}))).code || "signed-out";
      if (auth === "revoked") {
        await forget().catch(() => {});
        folded = null;
      }
      throw new Ended(auth);
    }
    const body = (answer.headers.get("Content-Type") || "").includes("json") ? await answer.json() : {};
    if (body.now) {
      const server = Date.parse(body.now);
      fix = { server, mono: performance.now(), offset: server - (sent + Date.now()) / 2 };
    }
    return { status: answer.status, body };
  }
  async function post(path, entries) {
    const go = () =>
      ask(path, {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-CSRFToken": token },
        body: JSON.stringify({ entries }),
      });
    const got = await go();
    if (got.status !== 400) return got;
    token = (await ask("/offline/token")).body.token;
    return go();
  }
  async function hello() {
    const { body } = await ask("/offline/token");
    if (!body.token) throw new Error("no answer");
    token = body.token;
    auth = "";
    if (meta.person && meta.person !== body.person) {
      await forget();
      auth = outbox.some((one) => one.person !== body.person) ? "other" : "";
      await ensureKeys();
    }
    await remember({ person: body.person, contact: Date.now() });
  }
  async function send() {
    if (sending) {
      again = true;
      return;
    }
    sending = true;
    try {
      const work = async () => {
        do {
          again = false;
          await reread();
          await flush();
        } while (again);
      };
      await (navigator.locks && !broken ? navigator.locks.request("evoked-send", work) : work());
      document.dispatchEvent(new Event("evoked:sent"));
    } catch (error) {
      if (!(error instanceof Ended) && !["TypeError", "TimeoutError", "AbortError"].includes(error.name))
        console.error(error.name, error.message);
    }
    sending = false;
    clearTimeout(soon);
    if (waiting().length && navigator.onLine && !auth) soon = setTimeout(wake, 5000);
    // Where it exists, the browser says when the network is back; elsewhere the timer finds out.
    if (waiting().length && !navigator.onLine)
      navigator.serviceWorker?.ready?.then((one) => one.sync?.register("entries")).catch(() => {});
    draw();
  }
  async function flush() {
    const mine = waiting().filter((one) => !one.person || one.person === meta.person || !meta.person);
    if (!mine.length) return;
    await hello();
    for (const id of new Set(mine.map((one) => one.case))) {
      for (;;) {
        const batch = waiting()
          .filter((one) => one.case === id && (!one.person || one.person === meta.person))
          .slice(0, 100);
        if (!batch.length) break;
        const fresh = batch.filter((one) => one.body.offset_ms === null);
        fresh.forEach((one) => {
          one.body.offset_ms = offsetOf(one);
        });
        // Settled before it is sent: a second sending after a lost answer says the same.
        if (fresh.length) await keepOutbox(fresh);
        const { status, body } = await post(
          `/cases/${id}/entries`,
          batch.map((one) => one.body),
        );
        if (!body.outcomes && status >= 500) throw new TypeError("server");
        await settle(id, batch, status, body);
      }
    }
    await remember({ contact: Date.now(), sent: Date.now() });
  }
  async function settle(id, batch, status, body) {
    const outcomes = new Map((body.outcomes || []).map((one) => [one.client_id, one]));
    const gone = [],
      back = [];
    for (const one of batch) {
      const outcome = outcomes.get(one.body.client_id) || {
        state: "refused",
        code: status === 403 || status === 404 ? "not-yours" : "refused",
        reasons: body.reasons || [
          "The server did not take this. You may not keep this record any more, or the page is old: reload it.",
        ],
      };
      if (outcome.state === "refused") {
        Object.assign(one, { state: "refused", code: outcome.code, reasons: outcome.reasons });
        back.push(one);
      } else gone.push(one);
    }
    const c = held.get(id);
    if (c) {
      const ids = new Set((body.stored || []).map((one) => one.client_id));
      c.entries = [...c.entries.filter((one) => !ids.has(one.client_id)), ...(body.stored || [])];
      if (body.closed !== undefined) c.closed = body.closed;
      c.signed = Boolean(body.signed);
      if (body.rev) c.rev = body.rev;
    }
    if (!broken) {
      const box = c && keys.cases ? await seal("cases", c) : null;
      await store(["outbox", "cases"], (s) => {
        gone.forEach((one) => s.outbox.delete(one.seq));
        if (box) s.cases.put(box, id);
      });
    }
    outbox = outbox.filter((one) => !gone.includes(one));
    if (back.length) await keepOutbox(back);
    count();
    folded = null;
  }
  // The cases as the server has them now. One that was added to here meanwhile is newer than the answer: it stays.
  let refreshed = -Infinity;
  async function refresh() {
    refreshed = performance.now();
    try {
      await hello();
      const tags = [meta.tag, ...[...held.values()].map((c) => c.tag)].filter(Boolean);
      const { status, body } = await ask(`/offline/cases?have=${tags.join(",")}`);
      if (status !== 200) return;
      await ensureKeys();
      await remember({
        person: body.person,
        contact: Date.now(),
        tag: body.tag,
        ...(body.form ? { days: body.form.days, form: body.form, presets: body.presets } : {}),
      });
      const told = new Set(body.cases.map((c) => c.id)),
        before = held;
      const cases = body.cases.map((c) => {
        const mine = before.get(c.id);
        return mine && (!c.entries || mine.rev > c.rev) ? mine : c;
      });
      // What was closed here a moment ago, or still waits to be sent, is not pulled away from under the form.
      const late = [...before.values()].filter(
        (c) => !told.has(c.id) && (outbox.some((one) => one.case === c.id) || (c.id === caseId && c.closed)),
      );
      held = new Map();
      await keepCases([...cases, ...late], true);
    } catch (error) {
      refreshed = -Infinity; // not answered, so the next look asks again
      if (error.name === "QuotaExceededError")
        broken =
          "This phone's storage is full. The form works online only: an entry is kept once the top of the page says it was sent.";
    }
    folded = null;
    draw();
  }
  function wake() {
    if (document.hidden) return;
    if (tooLongAway() && held.size) forget().then(draw);
    (waiting().length ? send() : Promise.resolve()).then(look).then(keepAwake);
  }
  // What others added meanwhile is asked for once a minute while the form is in sight.
  function look() {
    if (root && !auth && navigator.onLine && performance.now() - refreshed > 60000) return refresh();
  }
  function tooLongAway() {
    const away = Date.now() - (meta.contact || 0);
    return Boolean(meta.contact) && (away > (meta.days || 3) * DAY || away < -DAY);
  }

  // What the entries of a case say now: each chain of corrections followed to its end (as practice/record.py does).

  let folded = null;
  function fold() {
    if (folded) return folded;
    const c = held.get(caseId),
      all = new Map(c.entries.map((one) => [one.client_id, one]));
    for (const one of outbox)
      if (one.case === c.id && one.state !== "refused" && !all.has(one.body.client_id) && one.body.kind !== "close")
        all.set(one.body.client_id, { ...one.body, local: true });
    const newer = new Map();
    for (const one of all.values())
      if (one.replaces && all.has(one.replaces)) newer.set(one.replaces, [...(newer.get(one.replaces) || []), one]);
    // To the microsecond, as the server orders them: a plan's entries are that close.
    const place = (one) =>
      Date.parse(one.entered_at) * 1000
      + Number(((/\.(\d+)/.exec(one.entered_at) || ["", ""])[1] + "000000").slice(3, 6));
    const best = (list) =>
      list.reduce((a, b) => {
        const x = [a.kind !== "struck", place(a), a.client_id],
          y = [b.kind !== "struck", place(b), b.client_id];
        const i = x.findIndex((v, n) => v !== y[n]);
        return i < 0 || x[i] > y[i] ? a : b;
      });
    const tip = (one) => {
      let at = one;
      for (let n = 0; newer.has(at.client_id) && n < 999; n++) at = best(newer.get(at.client_id));
      return at;
    };
    const same = (one) =>
      JSON.stringify(
        one.kind === "struck"
          ? "struck"
          : [
              one.at && Date.parse(one.at),
              Object.entries(one.data)
                .filter(([, v]) => v !== null)
                .sort(),
            ],
      );
    const lines = [],
      conflicts = [],
      rootOf = new Map();
    for (const first of [...all.values()].sort((a, b) => place(a) - place(b) || (a.client_id < b.client_id ? -1 : 1))) {
      if ((first.replaces && all.has(first.replaces)) || first.kind === "struck") continue;
      const todo = [first];
      for (const one of todo) {
        rootOf.set(one.client_id, first.client_id);
        const next = newer.get(one.client_id) || [];
        todo.push(...next);
        if (next.length > 1 && new Set(next.map((v) => same(tip(v)))).size > 1) conflicts.push(next.map(tip));
      }
      const last = tip(first);
      if (last.kind !== "struck")
        lines.push({
          ...last,
          root: first.client_id,
          was: first.at && last.at && Date.parse(first.at) !== Date.parse(last.at) ? first.at : null,
        });
    }
    const label = new Map(lines.filter((one) => one.data.label).map((one) => [one.data.label, one.root]));
    const of = (kind) => lines.filter((one) => one.kind === kind);
    folded = {
      lines,
      conflicts,
      of,
      root: (ref) => rootOf.get(ref) || label.get(ref) || ref,
      fits: (kind, match) =>
        of(kind).some((one) =>
          Object.entries(match).every(([name, value]) =>
            value === null ? one.data[name] !== undefined && one.data[name] !== null : one.data[name] === value,
          ),
        ),
    };
    return folded;
  }
  const UNIQUE = ["incision", "exposure", "closing"];
  const made = (make) =>
    make.kind === "baseline_set"
      ? fold()
          .of("baseline_set")
          .some((one) => one.data[make.time])
      : fold().fits(
          make.kind,
          make.kind === "event" && UNIQUE.includes(make.data.type)
            ? { type: make.data.type }
            : make.kind === "monitoring_start"
              ? {}
              : make.data || {},
        );
  const steps = () => {
    const list = held.get(caseId).steps.filter((one) => !one.also),
      flags = list.map((one) => one.makes.every(made));
    const next = flags.lastIndexOf(true) + 1;
    return list.map((one, index) => ({ ...one, done: flags[index], next: index === next }));
  };
  function makeOf(make) {
    if (make.ends) {
      const started = fold()
        .of("baseline_set")
        .filter((one) => !one.data.end)
        .pop();
      return started
        ? { kind: "baseline_set", data: started.data, replaces: started.client_id, at: started.at, times: ["end"] }
        : null;
    }
    return {
      kind: make.kind,
      data: make.data || {},
      ...(make.time && make.time !== "at" ? { times: [make.time] } : { now: true }),
    };
  }
  // The next step slides under the thumb: a bounce of the finger is not a second step.
  let stepped = -Infinity;
  async function tapStep(step, at) {
    if (at - stepped < BOUNCE) return;
    stepped = at;
    const ids = await act(() =>
      step.makes
        .filter((make) => step.also || step.done || !made(make))
        .map(makeOf)
        .filter(Boolean),
    );
    if (ids.length) return;
    said = "Baselines were not started. Stamp their start first.";
    draw();
  }
  const when = (line) => line.at || line.data.end || line.data.start || line.data.connect || null;
  const inZone = (at, timeZone) =>
    new Intl.DateTimeFormat("en-US", { timeZone, hourCycle: "h23", hour: "2-digit", minute: "2-digit" }).format(at);
  // What was stamped here by a wrong clock and not sent yet is shown as it will be told.
  function clock(at) {
    if (!at) return "no time";
    const wrong = fix && Math.abs(fix.offset) > 2000 && outbox.some((one) => one.body.entered_at === at);
    return inZone(Date.parse(at) + (wrong ? fix.offset : 0), held.get(caseId).zone);
  }
  const SIDES = { L: "Left", R: "Right", B: "Both" };
  const response = (line) =>
    [SIDES[line.data.side], line.data.site, line.data.modality, line.data.peak].filter(Boolean).join(" ");
  const words = (line) => {
    const d = line.data,
      w = (text) => String(text || "").replace(/_/g, " ");
    const named = {
      tech_arrive: "In the room",
      setup_start: "Set-up start",
      setup_end: "Set-up end",
      electrodes_out: "Electrodes out",
      no_alerts: "No signal alerts",
      no_breaks: "No breaks",
      no_stim_tests: "No stimulation tests",
    };
    return (
      {
        milestone: () => named[d.what],
        statement: () => named[d.what],
        event: () => d.text || w(d.type),
        monitoring_start: () => "Monitoring start",
        monitoring_stop: () => "Monitoring stop",
        baseline_set: () => `Baselines ${d.start ? clock(d.start) : "?"} to ${d.end ? clock(d.end) : "?"}`,
        tof: () => `Train-of-four ${d.value}`,
        physiology: () =>
          [d.map_mmhg && `MAP ${d.map_mmhg} mmHg`, d.temp_c && `${d.temp_c} °C`].filter(Boolean).join(", "),
        alert: () => `${d.modality} signal alert`,
        told: () => `Told ${d.who}`,
        alert_action: () => w(d.text),
        resolution: () => `Alert ${w(d.status)}`,
        stim_test: () => `${SIDES[d.side] || ""} ${d.level || ""} ${d.thr_ma ?? "?"} mA`,
        baseline: () => `${response(line)}: ${d.quality || "open"}`,
        closing_value: () => `Closing: ${d.status || d.pct + " %"}`,
        closing_data: () => `Closing data ${w(d.overall)}`,
        anesthesia: () => `Anesthesia ${d.technique || ""}`,
        break: () => `Break ${d.reason || ""}`,
        postop_exam: () => d.text || "No observation recorded",
        presence: () => "Physician connection",
        staff: () => `${d.role} ${d.name}`,
        modality: () => `${d.code} ${d.region || ""}`,
        criterion: () => `${d.modality} alert: ${d.text}`,
      }[line.kind]?.() || w(line.kind)
    );
  };

  // What is missing, from the needs the server named; what hangs on each alert, test and response is walked here.

  function missing() {
    const f = fold(),
      found = [],
      codes = new Set(f.of("modality").map((one) => one.data.code));
    const add = (label, screen, block = false) => found.push({ label, screen, block });
    for (const need of meta.form.needs)
      if ((!need.when || codes.has(need.when)) && !need.fits.some(([kind, match]) => f.fits(kind, match)))
        add(need.label, need.screen, need.block);
    f.of("alert").forEach((alert, index) => {
      const name = alert.data.label || `Alert ${index + 1}`,
        screen = `alert:${alert.root}`,
        mine = (kind) => f.of(kind).filter((one) => f.root(one.data.alert) === alert.root);
      if (!alert.data.rows?.length) add(`${name}: which responses changed`, screen, true);
      for (const row of alert.data.rows || []) {
        const base = f.of("baseline").find((one) => one.root === f.root(row.ref));
        if (base && row.value_uv != null && base.data.amp_uv == null)
          add(`${name}: baseline amplitude of ${response(base)}`, screen, true);
        // Numbers are asked for these responses alone, by amplitude or latency. They do not stop the closing.
        else if (base && alert.data.modality !== "EMG") {
          const after = mine("resolution")
            .pop()
            ?.data.rows?.find((one) => f.root(one.ref) === base.root);
          if (row.value_uv == null && row.value_lat_ms == null) add(`${name}: worst of ${response(base)}`, screen);
          if (after && after.value_uv == null && after.value_lat_ms == null)
            add(`${name}: recovery of ${response(base)}`, screen);
        }
      }
      for (const who of meta.form.listeners)
        if (!mine("told").some((one) => one.data.who === who && one.at)) add(`${name}: told ${who}`, screen, true);
      if (!mine("alert_action").length) add(`${name}: what was done`, screen, true);
      const end = mine("resolution").pop();
      if (!end?.data.status || !end.at) add(`${name}: how it ended`, screen, true);
      else if (end.data.status === "unresolved" && !end.data.reported_at)
        add(`${name}: surgeon told that it did not recover`, screen, true);
    });
    const closed = new Map(f.of("closing_value").map((one) => [f.root(one.data.ref), one]));
    const rows = f.of("baseline"),
      open = rows.filter((one) => !one.data.quality).length,
      unclosed = rows.filter((one) => one.data.quality !== "absent" && !closed.has(one.root)).length;
    const many = (n, one, more) => `${n} ${n === 1 ? one : more}`;
    if (open) add(`Baseline state of ${many(open, "response", "responses")}`, "baselines");
    if (unclosed) add(`Closing state of ${many(unclosed, "response", "responses")}`, "closing", true);
    const tests = f.of("stim_test").filter((one) => one.data.thr_ma == null || !one.data.side).length;
    if (tests) add(`Threshold or side of ${many(tests, "stimulation test", "stimulation tests")}`, "screws", true);
    if (f.conflicts.length) add("Two versions of one entry: choose one", "conflicts", true);
    return found.sort((a, b) => b.block - a.block);
  }

  // Drawing

  function h(tag, given, ...inner) {
    const [name, ...classes] = tag.split("."),
      node = document.createElement(name || "div");
    if (classes.length) node.className = classes.join(" ");
    for (const [key, value] of Object.entries(given || {})) {
      if (value === undefined || value === null || value === false) continue;
      if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
      else if (key === "value") node.value = value;
      else node.setAttribute(key, value === true ? "" : value);
    }
    node.append(...inner.flat(9).filter((one) => one !== null && one !== undefined && one !== false && one !== ""));
    return node;
  }
  // A finger that bounces off the glass taps twice. What is meant to be tapped again and again says so by `again`.
  const BOUNCE = 400;
  let tapped = { key: "", at: -Infinity };
  function button(label, onclick, { again, ...more } = {}, classes = "") {
    const key = more.key || label;
    const tap = (event) => {
      if (!again && tapped.key === key && event.timeStamp - tapped.at < BOUNCE) return;
      tapped = { key, at: event.timeStamp };
      onclick(event);
    };
    return h(`button.button${classes}`, { type: "button", onclick: tap, "data-key": key, ...more }, label);
  }
  const chip = (label, on, onclick, name = "") =>
    button(label, onclick, {
      "aria-pressed": String(Boolean(on)),
      "aria-label": name || null,
      key: (name || label) + "?",
    });
  const go = (to) => {
    location.hash = to;
  };
  // The state is set by the tap itself: a toggle event comes later, and the form may have been drawn anew by then.
  const unfold = (name, key, label) =>
    h(
      "summary",
      {
        "data-key": key,
        onclick: (event) => {
          event.preventDefault();
          chosen[name] = !chosen[name];
          draw();
        },
      },
      label,
    );
  async function act(make) {
    said = "";
    const ids = await put(make);
    draw();
    return ids;
  }

  let drawing = 0,
    pressing = false,
    edited = null;
  // A field being typed into, from its first key until it is left or taken in; emptied, it is still being typed into.
  root?.addEventListener("input", (event) => {
    edited = event.target;
  });
  for (const name of ["change", "focusout"])
    root?.addEventListener(name, () => {
      if (edited) draw();
      edited = null;
    });
  for (const name of ["pointerdown", "pointerup", "pointercancel"])
    window.addEventListener(
      name,
      (event) => {
        pressing = name === "pointerdown";
        // An iPhone does not leave a field when a button is tapped, and only what is left is taken in.
        if (pressing && event.target.closest?.("button, a, summary")) edited?.blur();
        if (!pressing) setTimeout(draw);
      },
      true,
    );
  function draw() {
    if (!root) {
      mark();
      return;
    }
    cancelAnimationFrame(drawing);
    drawing = requestAnimationFrame(paint);
  }
  function paint() {
    if (pressing) return; // a button under the finger is not drawn anew: its tap would go nowhere
    const key = document.activeElement?.dataset?.key,
      typing = document.activeElement?.matches?.(".ph input, .ph textarea") && document.activeElement;
    // Nobody's typing is drawn over: what is written there is taken in when the field is left.
    if (typing && (typing === edited || typing.value !== typing.defaultValue)) {
      top();
      return;
    }
    const [name, id] = decodeURIComponent(location.hash.slice(1)).split(":");
    const turned = route !== location.hash;
    route = location.hash;
    const screen =
      held.has(caseId) && meta.form
        ? (SCREENS[name] || SCREENS.live)(id)
        : name === "waiting"
          ? SCREENS.waiting()
          : list();
    root.replaceChildren(h("div.ph", {}, head(), notes(), screen));
    if (turned) {
      window.scrollTo(0, 0);
      root.querySelector("h2")?.focus({ preventScroll: true });
    } else if (key) root.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus({ preventScroll: true });
    inUse();
    document.dispatchEvent(new Event("evoked:sent"));
    root.dataset.ready = location.hash;
    keepAwake();
  }
  const state = () => {
    const n = waiting().length,
      r = outbox.length - n;
    if (r) return `${r} refused${n ? `, ${n} waiting` : ""}`;
    if (n) return sending && navigator.onLine ? `Sending ${n}` : `${n} waiting`;
    // In the time of the room, as the stamps are.
    return meta.sent ? `All sent ${inZone(meta.sent, held.get(caseId)?.zone)}` : "All sent";
  };
  const sync = () =>
    h(
      `button.ph-sync${outbox.length ? ".wait" : ""}`,
      { type: "button", "data-key": "sync", "aria-live": "polite", onclick: () => go("waiting") },
      state(),
    );
  const top = () => {
    root.querySelector(".ph-sync")?.replaceWith(sync());
  };
  // Which of the three tabs a screen belongs to; what waits on the phone belongs to none.
  const TABS = { live: 0, alert: 0, missing: 2, conflicts: 2, waiting: -1 };
  const tabOf = (hash) => TABS[hash.slice(1).split(":")[0] || "live"] ?? 1;
  function head() {
    const c = held.get(caseId);
    if (!c || !meta.form) return h("div.ph-top", {}, h("span.what", {}, "This phone"), sync());
    const lack = missing(),
      part = tabOf(location.hash);
    return [
      h(
        "div.ph-top",
        {},
        h("span.what", {}, c.procedure),
        h("span.where", {}, [c.facility, c.room, c.surgeon].filter(Boolean).join(", ")),
        sync(),
      ),
      h(
        "nav.ph-tabs",
        { "aria-label": "Parts of the form" },
        [
          ["Live", "live"],
          ["After", "times"],
          [lack.length ? `Missing ${lack.length}` : "Complete", "missing"],
        ].map(([label, to], index) =>
          h(
            "button",
            {
              type: "button",
              "data-key": `tab-${to}`,
              "aria-current": index === part ? "page" : null,
              onclick: () => go(to),
            },
            label,
          ),
        ),
      ),
    ];
  }
  function notes() {
    const list = [];
    if (broken) list.push(broken);
    if (said) list.push(said);
    if (auth === "revoked")
      list.push(
        "This device was signed out elsewhere, so its copies of cases are unreadable. What was not sent is kept and can be saved as a file.",
      );
    if (auth === "signed-out")
      list.push("You are signed out. Everything you tap is kept here and goes when you sign in.");
    if (auth === "other")
      list.push("Entries of another person wait on this phone. They go when that person signs in here.");
    if (fix && Math.abs(fix.offset) > 60000)
      list.push(
        `The clock of this phone is ${Math.round(Math.abs(fix.offset) / 60000)} min ${fix.offset > 0 ? "behind" : "ahead"}. Times are corrected and marked.`,
      );
    if (monitored() && !navigator.wakeLock)
      list.push("This browser cannot keep the screen awake. Set the phone to sleep late while monitoring runs.");
    const c = held.get(caseId);
    if (c?.signed) list.push("This case was signed meanwhile. What you add now is kept for a proposed addendum.");
    else if (c?.closed) list.push("This case is closed.");
    return list.map((text) =>
      h(
        "p.say",
        { role: "status" },
        text,
        auth && auth !== "other" && text.startsWith("You are")
          ? [" ", h("a", { href: `/sign-in?next=${encodeURIComponent(location.pathname)}` }, "Sign in")]
          : null,
      ),
    );
  }
  const title = (text) => h("h2", { tabindex: "-1" }, text);
  function list() {
    const cases = [...held.values()].sort((a, b) =>
      (a.day + (a.starts_at || "")).localeCompare(b.day + (b.starts_at || "")),
    );
    const outside = root.id === "phone" && caseId;
    return [
      outside
        ? h(
            "p",
            {},
            auth
              ? ""
              : "This case is not held on this phone: it holds those you are assigned to, the open ones and those of the next 7 days. ",
            auth ? null : h("a", { href: `/cases/${caseId}/record` }, "Open its record"),
          )
        : null,
      title("Cases on this phone"),
      cases.length
        ? cases.map((c) =>
            h(
              "a.button.big",
              {
                href: `/cases/${c.id}/phone`,
                onclick: (event) => {
                  if (root.id === "offline") {
                    event.preventDefault();
                    enter(c.id);
                  }
                },
              },
              `${c.day} ${c.procedure}`,
              h("br"),
              [c.facility, c.room].filter(Boolean).join(", "),
            ),
          )
        : h(
            "p",
            {},
            auth === "revoked"
              ? "None: this device was signed out."
              : "None are held. They come with the next answer of the server.",
          ),
    ];
  }
  function enter(id) {
    caseId = id;
    folded = null;
    history.replaceState(null, "", `/cases/${id}/phone`);
    route = "?";
    draw();
  }

  // As the server judges it: keyed long after it happened, or given another time later.
  const late = (line) => {
    if (line.was) return `late entry, time was ${clock(line.was)}`;
    const after = line.at && line.device !== "import" ? Date.parse(line.entered_at) - Date.parse(line.at) : 0;
    return after > meta.form.late * 1000 ? `late entry, keyed ${clock(line.entered_at)}` : "";
  };
  const stampLine = (line) =>
    h(
      "div.ph-line",
      {},
      h(
        "button.ph-time",
        {
          type: "button",
          "data-key": `time-${line.root}`,
          "aria-label": `${clock(when(line))}, ${words(line)}: change its time`,
          onclick: () => go(`change:${line.root}`),
        },
        clock(when(line)),
      ),
      h("span", {}, words(line)),
      Math.abs(shownNow() - Date.parse(line.entered_at)) < UNDO && !["signoff"].includes(line.kind)
        ? button(
            "Undo",
            () => {
              stepped = -Infinity;
              act(() => [strike(line)]);
            },
            { "aria-label": `Undo ${words(line)}`, key: `undo-${line.client_id}` },
          )
        : button("Change", () => go(`change:${line.root}`), {
            "aria-label": `Change ${words(line)}`,
            key: `change-${line.client_id}`,
          }),
      late(line) || line.clock || line.local
        ? h("span.marks", {}, [late(line), line.clock, line.local && "on this phone"].filter(Boolean).join(", "))
        : null,
    );
  const openAlerts = () =>
    fold()
      .of("alert")
      .filter(
        (alert) =>
          !fold()
            .of("resolution")
            .some((one) => fold().root(one.data.alert) === alert.root && one.data.status),
      );

  const SCREENS = {
    live() {
      const all = steps(),
        next = all.find((one) => one.next),
        f = fold(),
        stamps = f.lines
          .filter((one) => when(one) && !["baseline", "closing_value", "staff"].includes(one.kind))
          .sort((a, b) => Date.parse(b.entered_at) - Date.parse(a.entered_at))
          .slice(0, 3);
      const c = held.get(caseId),
        doctors = f.of("staff").filter((one) => one.data.role === "physician");
      return [
        title("Live"),
        openAlerts().map(alertCard),
        stamps.length
          ? h("div.ph-card", {}, stamps.map(stampLine))
          : h("p", {}, "One tap stamps the time. What is not a step has its own tap below."),
        h(
          "div.ph-grid",
          {},
          all
            .filter((one) => !one.done && !one.next)
            .map((one) => button(one.label, (event) => tapStep(one, event.timeStamp))),
        ),
        h(
          "details",
          { open: chosen.more },
          unfold("more", "more", "Other stamps and readings"),
          h(
            "div.ph-card",
            {},
            h(
              "div.ph-grid",
              {},
              [...c.steps.filter((one) => one.also), ...all.filter((one) => one.done)].map((one) =>
                button(one.done ? `${one.label} again` : one.label, (event) => tapStep(one, event.timeStamp)),
              ),
            ),
            readings(true),
            doctors.map((one) => presence(one)),
            h(
              "div.ph-grid",
              {},
              button("Break starts", () => act(() => [{ kind: "break", times: ["start"] }])),
              f.of("break").some((one) => !one.data.end)
                ? button("Break ends", () =>
                    act(() =>
                      fold()
                        .of("break")
                        .filter((one) => !one.data.end)
                        .slice(-1)
                        .map((one) => correct(one, {}, { times: ["end"] })),
                    ),
                  )
                : null,
              button("Screw tests", () => go("screws")),
            ),
          ),
        ),
        h(
          "div.ph-foot",
          {},
          next
            ? button(
                next.label,
                (event) => tapStep(next, event.timeStamp),
                { key: "next", "data-next": true },
                ".primary.big",
              )
            : button("After the case", () => go("times"), {}, ".primary.big"),
          button(
            "Signal alert",
            () => {
              now0 = Date.now();
              go("alert");
            },
            {},
            ".alert",
          ),
        ),
      ];
    },
    alert: (id) => alertSheet(id),
    times() {
      const f = fold(),
        c = held.get(caseId),
        lines = f.lines
          .filter((one) =>
            ["milestone", "monitoring_start", "monitoring_stop", "event", "baseline_set", "break"].includes(one.kind),
          )
          .sort((a, b) => Date.parse(when(a) || 0) - Date.parse(when(b) || 0));
      return page("times", [
        h(
          "p",
          {},
          [c.patient.name, c.patient.mrn, c.patient.dob && `born ${c.patient.dob}`].filter(Boolean).join(", "),
        ),
        h("div.ph-card", {}, lines.length ? lines.map(stampLine) : h("p", {}, "Nothing is stamped yet.")),
        steps().some((one) => !one.done)
          ? [
              h("h3", {}, "Not stamped"),
              h("p.quiet", {}, "A tap stamps now; then change the time."),
              h(
                "div.ph-grid",
                {},
                steps()
                  .filter((one) => !one.done)
                  .map((one) => button(one.label, (event) => tapStep(one, event.timeStamp))),
              ),
            ]
          : null,
      ]);
    },
    baselines() {
      const f = fold(),
        rows = f.of("baseline"),
        left = rows.filter((one) => !one.data.quality);
      return page("baselines", [
        !rows.length
          ? [
              h(
                "p",
                {},
                "Put a preset in place: what is run and which responses are followed. It says nothing that was measured.",
              ),
              h(
                "div.ph-grid",
                {},
                meta.presets.map((one) => button(one.name, () => act(() => preset(one)))),
              ),
            ]
          : null,
        left.length
          ? button(
              `All the rest present (${left.length})`,
              () =>
                act(() => left.map((one) => correct(one, { quality: one.data.modality === "EMG" ? "quiet" : "good" }))),
              { key: "all-present" },
              ".primary",
            )
          : null,
        grid(rows, (line) =>
          (line.data.modality === "EMG" ? meta.form.chips.quiet : meta.form.chips.baselines).map((value) =>
            chip(
              value === "good" ? "present" : value,
              line.data.quality === value,
              () =>
                act(() => [correct(line, { quality: value, ...(value === "absent" ? { amp_uv: undefined } : {}) })]),
              `${response(line)} ${value === "good" ? "present" : value}`,
            ),
          ),
        ),
        rows.length ? button("Import the machine's export", () => go("import")) : null,
        setUp(),
      ]);
    },
    import: () => importing(),
    anesthesia() {
      const f = fold(),
        line = f.of("anesthesia").pop(),
        d = line?.data || {},
        agents = d.agents || [];
      const last = () => fold().of("anesthesia").pop(),
        save = (change) => act(() => [correctOr(last, change, { kind: "anesthesia", data: change({}) })]);
      const gave = (data, one, dose) => [
        ...(data.agents || []).filter((agent) => agent.name !== one.name),
        { ...one, ...(dose === undefined ? {} : { dose }) },
      ];
      return page("anesthesia", [
        h("h3", {}, "Technique"),
        h(
          "div.ph-grid",
          {},
          meta.form.chips.techniques.map((one) =>
            chip(one, d.technique === one, () => save(() => ({ technique: one }))),
          ),
        ),
        h("h3", {}, "Agents"),
        meta.form.chips.agents.map((one) => {
          const has = agents.find((agent) => agent.name === one.name);
          return h(
            "div.ph-agent",
            {},
            chip(one.name, has, () =>
              save((data) => ({
                agents: has ? data.agents.filter((agent) => agent.name !== one.name) : gave(data, one),
              })),
            ),
            // A dose says that the agent was given: it needs no tap of its own before.
            number({
              kind: "dose",
              field: one.name,
              value: has?.dose,
              key: `dose-${one.name}`,
              save: (dose) => save((data) => ({ agents: gave(data, one, dose) })),
              clear: () => save((data) => ({ agents: gave(data, one) })),
            }),
          );
        }),
        h("h3", {}, "Relaxant"),
        h(
          "div.ph-grid",
          {},
          meta.form.chips.blocks.map((one) =>
            chip(one, d.nmb?.agent === one, () =>
              save(() => ({ nmb: d.nmb?.agent === one ? undefined : { agent: one } })),
            ),
          ),
        ),
        readings(false),
      ]);
    },
    alerts() {
      const f = fold(),
        alerts = f.of("alert"),
        none = f.of("statement").find((one) => one.data.what === "no_alerts");
      return page("alerts", [
        alerts.map(alertCard),
        !alerts.length
          ? chip("No signal alerts", none, () =>
              act(() => [none ? strike(none) : { kind: "statement", data: { what: "no_alerts" }, now: true }]),
            )
          : null,
        button(
          "Add a signal alert",
          () => {
            now0 = Date.now();
            go("alert");
          },
          {},
          ".alert",
        ),
      ]);
    },
    screws: () => screws(),
    closing() {
      const f = fold(),
        rows = f.of("baseline").filter((one) => one.data.quality !== "absent"),
        by = new Map(f.of("closing_value").map((one) => [f.root(one.data.ref), one])),
        whole = f.of("closing_data").pop(),
        exam = f.of("postop_exam").pop();
      const overall = (value) =>
        correctOr(
          () => fold().of("closing_data").pop(),
          { overall: value },
          { kind: "closing_data", data: { overall: value }, now: true },
        );
      const left = rows.filter((one) => !by.has(one.root)),
        set = (line, value) =>
          correctOr(
            () =>
              fold()
                .of("closing_value")
                .find((one) => fold().root(one.data.ref) === line.root),
            { status: value },
            { kind: "closing_value", data: { ref: line.root, status: value } },
          );
      const observe = (data) =>
        act(() => [
          correctOr(() => fold().of("postop_exam").pop(), data, {
            kind: "postop_exam",
            data: { recorded: true, ...data },
            now: data.recorded !== false,
          }),
        ]);
      return page("closing", [
        left.length && left.length === rows.length
          ? button(
              `All at baseline (${left.length})`,
              () => act(() => [...left.map((one) => set(one, "at baseline")), overall("at_baseline")]),
              { key: "all-closing" },
              ".primary",
            )
          : null,
        left.length && left.length < rows.length
          ? button(
              `All the rest at baseline (${left.length})`,
              () => act(() => left.map((one) => set(one, "at baseline"))),
              { key: "all-closing" },
              ".primary",
            )
          : null,
        h("h3", {}, "On the whole"),
        h(
          "div.ph-grid",
          {},
          [
            ["at_baseline", "At baseline"],
            ["not_at_baseline", "Not at baseline"],
          ].map(([value, label]) => chip(label, whole?.data.overall === value, () => act(() => [overall(value)]))),
        ),
        whole ? stampLine(whole) : null,
        h("h3", {}, "After the operation"),
        h(
          "div.ph-grid",
          {},
          meta.form.chips.exams.map((one) =>
            chip(one, exam?.data.text === one, () => observe({ text: one, recorded: true })),
          ),
          chip("No observation", exam && !exam.data.recorded, () => observe({ recorded: false, text: undefined })),
        ),
        exam?.data.recorded
          ? [
              h("h3", {}, "Observed by"),
              h(
                "div.ph-grid",
                {},
                meta.form.chips.observers.map((one) => chip(one, exam.data.by === one, () => observe({ by: one }))),
              ),
              h("h3", {}, "New deficit"),
              h(
                "div.ph-two",
                {},
                chip("No", exam.data.new_deficit === false, () => observe({ new_deficit: false }), "New deficit: no"),
                chip("Yes", exam.data.new_deficit === true, () => observe({ new_deficit: true }), "New deficit: yes"),
              ),
            ]
          : null,
        h("h3", {}, "Each response"),
        grid(rows, (line) =>
          meta.form.chips.closing.map((value) =>
            chip(
              value,
              by.get(line.root)?.data.status === value,
              () => act(() => [set(line, value)]),
              `${response(line)} ${value}`,
            ),
          ),
        ),
      ]);
    },
    finish() {
      const f = fold(),
        c = held.get(caseId),
        none = f.of("statement").find((one) => one.data.what === "no_breaks"),
        closing = outbox.find((one) => one.case === caseId && one.body.kind === "close" && one.state !== "refused");
      const lack = missing().filter((one) => one.block),
        doctors = f.of("staff").filter((one) => one.data.role === "physician");
      return page(
        "finish",
        [
          f.of("break").length
            ? f.of("break").map(stampLine)
            : chip("No breaks", none, () =>
                act(() => [none ? strike(none) : { kind: "statement", data: { what: "no_breaks" }, now: true }]),
              ),
          doctors.length ? [h("h3", {}, "Physician"), doctors.map(presence)] : null,
          h("h3", {}, "The case was"),
          h(
            "div.ph-two",
            {},
            ["completed", "aborted"].map((one) =>
              chip(one, chosen.status === one, () => {
                chosen.status = one;
                draw();
              }),
            ),
          ),
          c.closed
            ? h("p.say.good", {}, "This case is closed.")
            : closing
              ? h("p.say.good", {}, "Closed on this phone. It is closed for everybody once it is sent.")
              : h("p.quiet", {}, "Closing says that you stand for this record."),
        ],
        c.closed || closing
          ? null
          : button(
              "Close the case",
              () => {
                said = "";
                if (lack.length && chosen.status !== "aborted") {
                  said = "The case cannot be closed yet. This is missing:";
                  go("missing");
                  return;
                }
                if (!chosen.status) {
                  said = "Say whether the case was completed or aborted, then close it.";
                  draw();
                  return;
                }
                act(() => [{ kind: "close", data: { status: chosen.status } }]);
              },
              {},
              ".primary.big",
            ),
      );
    },
    missing() {
      const lack = missing();
      return [
        title(lack.length ? "Missing" : "Nothing is missing"),
        lack.map((one) =>
          h(
            "button.button.ph-miss",
            { type: "button", "data-key": one.label, onclick: () => go(one.screen) },
            h("span", {}, one.label),
            one.block ? h("span.status.due", {}, "stops closing") : null,
          ),
        ),
        held.get(caseId).closed
          ? null
          : h(
              "div.ph-foot",
              {},
              button("To the end", () => go("finish"), {}, ".primary"),
            ),
      ];
    },
    conflicts() {
      const f = fold();
      return [
        title("Two versions"),
        h("p", {}, "These were corrected in two places at once. Both are kept; choose the one that is right."),
        f.conflicts.map((versions) =>
          h(
            "div.ph-card",
            {},
            versions.map((one) => [
              h("p", {}, `${clock(when(one))} ${words(one)}, keyed ${clock(one.entered_at)} ${one.by || ""}`),
              button(
                "Keep this one",
                () =>
                  act(() =>
                    versions
                      .filter((other) => other !== one)
                      .map((other) => ({ kind: one.kind, at: one.at, data: one.data, replaces: other.client_id })),
                  ),
                { key: `keep-${one.client_id}` },
              ),
            ]),
          ),
        ),
      ];
    },
    change(id) {
      const line = fold().lines.find((one) => one.root === id);
      if (!line) return [title("Struck"), h("p", {}, "This entry was struck."), button("Back", () => go("times"))];
      const fields = ["start", "end", "connect", "disconnect"].filter((name) => line.data[name]);
      const moves = (name) =>
        [-5, -1, 1, 5].map((by) =>
          button(`${by > 0 ? "+" : "−"}${Math.abs(by)}`, () => shift(line, name, (was) => was + by * 60000), {
            "aria-label": `${Math.abs(by)} minute${Math.abs(by) > 1 ? "s" : ""} ${by > 0 ? "later" : "earlier"}`,
            key: `move${name}${by}`,
            again: true,
          }),
        );
      return [
        title("Change the time"),
        h("p", {}, words(line)),
        (fields.length ? fields : [""]).map((name) => [
          name ? h("h3", {}, name[0].toUpperCase() + name.slice(1)) : null,
          h(
            "div.ph-num",
            {},
            h("label", { for: `at-${name}` }, "Time, 24 hours"),
            h("input", {
              id: `at-${name}`,
              "data-key": `at-${name}`,
              inputmode: "numeric",
              autocomplete: "off",
              value: clock(name ? line.data[name] : when(line)),
              onchange: (event) => {
                const at = typedTime(event.target.value, name ? line.data[name] : when(line));
                if (at) shift(line, name, () => at);
                else {
                  said = `${event.target.value} is not a time. Type hours and minutes, such as 07:41.`;
                  event.target.value = event.target.defaultValue;
                  draw();
                }
              },
            }),
          ),
          h("div.ph-num", {}, moves(name)),
        ]),
        h(
          "p.quiet",
          {},
          line.was ? `Stamped ${clock(line.was)}. Both times stay in the record.` : "Both times stay in the record.",
        ),
        h(
          "div.ph-two",
          {},
          button("Strike it", () => {
            act(() => [strike(line)]);
            history.back();
          }),
          button("Done", () => go("times"), {}, ".primary"),
        ),
      ];
    },
    waiting() {
      const refused = outbox.filter((one) => one.state === "refused"),
        signed = refused.filter((one) => one.code === "signed");
      return [
        title("On this phone only"),
        h(
          "p",
          {},
          meta.contact
            ? `Last answer of the server: ${new Date(meta.contact).toLocaleString("en-US", { hourCycle: "h23", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" })}`
            : "The server has not answered yet.",
        ),
        h("p", {}, outbox.length ? `${waiting().length} waiting, ${refused.length} refused.` : "Everything was sent."),
        refused.map((one) =>
          h(
            "div.ph-card",
            {},
            h("p", {}, words({ ...one.body, root: "" })),
            h("p.quiet", {}, (one.reasons || []).join(" ")),
          ),
        ),
        signed.length ? button("Make it a proposed addendum", () => propose(signed), {}, ".primary") : null,
        outbox.length
          ? [
              button("Send now", () => {
                refused
                  .filter((one) => one.code !== "signed")
                  .forEach((one) => {
                    one.state = "waiting";
                  });
                keepOutbox(refused).then(send);
              }),
              button("Save them as a file", save),
            ]
          : null,
        refused.length && chosen.saved
          ? button("Remove the refused ones from this phone", async () => {
              await store(["outbox"], (s) => refused.forEach((one) => s.outbox.delete(one.seq)));
              await reread();
              draw();
            })
          : null,
        button("Back", () => go("live")),
      ];
    },
  };
  SCREENS.after = SCREENS.times;
  const AFTER = [
    ["times", "Times"],
    ["baselines", "Baselines"],
    ["anesthesia", "Anesthesia"],
    ["alerts", "Signal alerts"],
    ["screws", "Screw tests"],
    ["closing", "Closing"],
    ["finish", "Finish"],
  ];
  function page(name, inner, last) {
    const f = fold(),
      parts = AFTER.filter(
        ([part]) =>
          part !== "screws" || name === "screws" || f.of("stim_test").length || f.fits("modality", { code: "tEMG" }),
      ),
      index = parts.findIndex(([part]) => part === name);
    return [
      h("div", {}, title(`${parts[index][1]}`), h("p.quiet", {}, `${index + 1} of ${parts.length}`)),
      h("progress", { max: parts.length, value: index + 1, "aria-label": "How far" }),
      inner,
      h(
        "div.ph-foot",
        {},
        index < parts.length - 1
          ? h(
              "div.row2",
              {},
              button("Next", () => go(parts[index + 1][0]), { key: "forward" }, ".primary.big"),
              button(
                "Alert",
                () => {
                  now0 = Date.now();
                  go("alert");
                },
                { "aria-label": "Signal alert" },
                ".alert",
              ),
            )
          : last,
      ),
    ];
  }
  function grid(rows, states) {
    const sites = new Map();
    for (const line of rows) {
      const key = [line.data.modality, line.data.site, line.data.peak].filter(Boolean).join(" ");
      sites.set(key, [...(sites.get(key) || []), line]);
    }
    return [...sites].map(([name, lines]) =>
      h(
        "div.ph-row",
        {},
        h("span.name", {}, name),
        h(
          "div.ph-lr",
          {},
          lines
            .sort((a, b) => (a.data.side < b.data.side ? -1 : 1))
            .map((line) =>
              h(
                `div.side${line.data.side === "L" || line.data.side === "R" ? "" : ".one"}`,
                { role: "group", "aria-label": response(line) },
                h("span.letter", {}, SIDES[line.data.side] || ""),
                h("div.ph-say", {}, states(line)),
              ),
            ),
        ),
      ),
    );
  }

  // A number: impossible is refused with what to do, unusual is asked about; kept when the field is left.
  // What was refused or is in question stays in its field, whatever is drawn meanwhile.
  const drafts = new Map();
  function number({ kind, field, label, value, key, save, clear, least, most, step, start, low }) {
    const known = meta.form.numbers[kind][field],
      limit = { ...known, least: least ?? known.least, most: most ?? known.most };
    const note = h("span.note", { id: `${key}-note`, role: "status" });
    const input = h("input", {
      id: key,
      "data-key": key,
      inputmode: limit.whole ? "numeric" : "decimal",
      enterkeyhint: "next",
      autocomplete: "off",
      "aria-describedby": `${key}-note`,
      onchange: () => take(false),
      onkeydown: (event) => {
        if (event.key === "Enter") {
          event.preventDefault();
          const all = [...root.querySelectorAll("input")];
          (all[all.indexOf(input) + 1] || input).focus();
          if (!all[all.indexOf(input) + 1]) input.blur();
        }
      },
    });
    input.defaultValue = value ?? "";
    if (drafts.has(`${caseId} ${key}`)) {
      input.defaultValue = drafts.get(`${caseId} ${key}`);
      setTimeout(() => take(false));
    }
    function take(sure) {
      note.replaceChildren();
      const typed = input.value.trim().replace(",", ".").replace(/^\./, "0.");
      drafts.delete(`${caseId} ${key}`);
      input.removeAttribute("aria-invalid");
      if (typed === String(value ?? "")) return;
      if (typed === "") {
        if (!clear) return;
        value = undefined;
        clear();
        return;
      }
      drafts.set(`${caseId} ${key}`, input.value);
      const got = Number(typed),
        named = label || limit.label;
      if (!/^-?\d+(\.\d+)?$/.test(typed)) return wrong(`${named}: type digits, such as 17 or 17.5.`);
      if ((limit.least != null && got < limit.least) || (limit.most != null && got > limit.most))
        return wrong(`${named} is ${got} ${limit.unit || ""}; it must be between ${limit.least} and ${limit.most}.`);
      if (limit.usual && (got < limit.usual[0] || got > limit.usual[1]) && !sure) {
        note.append(
          `${got} ${limit.unit || ""}: is that right? `,
          button("Yes", () => take(true), { key: `${key}-sure` }),
        );
        return;
      }
      drafts.delete(`${caseId} ${key}`);
      input.defaultValue = input.value;
      value = got;
      save(got);
    }
    function wrong(text) {
      input.setAttribute("aria-invalid", "true");
      note.textContent = text;
    }
    const by = (amount) => {
      const from = input.value === "" ? start : Number(input.value);
      input.value = (Math.round((from + amount) / step) * step).toFixed(String(step).includes(".") ? 1 : 0);
      take(false);
    };
    return h(
      "div.ph-num",
      {},
      h("label", { for: key }, label || limit.label),
      step
        ? button("−", () => by(-step), {
            "aria-label": `${label || limit.label} less`,
            key: `${key}-less`,
            again: true,
          })
        : null,
      input,
      h("span.unit", {}, limit.unit || ""),
      step
        ? button("+", () => by(step), { "aria-label": `${label || limit.label} more`, key: `${key}-more`, again: true })
        : null,
      low ? h("span.low", {}, low) : null,
      note,
    );
  }
  // One line of free words, kept when the field is left.
  function typedLine(id, label, keep) {
    const input = h("input", {
      id,
      "data-key": id,
      autocomplete: "off",
      maxlength: "400",
      onchange: () => {
        const text = input.value.trim();
        input.value = "";
        if (text) keep(text);
      },
    });
    return h("div.ph-num", {}, h("label", { for: id }, label), input);
  }
  function readings(live) {
    const f = fold(),
      at = () => (now ? { now: true } : { at: chosen.when });
    const moments = f.lines
      .filter(
        (one) =>
          ["monitoring_start", "monitoring_stop"].includes(one.kind)
          || (one.kind === "event" && UNIQUE.includes(one.data.type)),
      )
      .sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
    // MAP and temperature of one moment are one reading; one of now is still the same within two minutes.
    const now = live || chosen.when === "now",
      last = () =>
        fold()
          .of("physiology")
          .filter((one) =>
            now ? Math.abs(shownNow() - Date.parse(one.entered_at)) < 120000 : (one.at || null) === chosen.when,
          )
          .pop(),
      reading = last();
    const physiology = (data) => act(() => [correctOr(last, data, { kind: "physiology", data, ...at() })]);
    return [
      h("h3", {}, live ? "Reading now" : "Reading"),
      live
        ? null
        : h(
            "div.ph-grid",
            { role: "group", "aria-label": "When" },
            moments.map((one) =>
              chip(`${words(one)} ${clock(one.at)}`, chosen.when === one.at, () => {
                chosen.when = one.at;
                draw();
              }),
            ),
            chip("Now", chosen.when === "now", () => {
              chosen.when = "now";
              draw();
            }),
          ),
      h(
        "div.ph-grid",
        { role: "group", "aria-label": "Train-of-four" },
        meta.form.chips.tof.map((one) =>
          button(`TOF ${one}`, () => act(() => [{ kind: "tof", data: { value: one }, ...at() }])),
        ),
      ),
      h(
        "div.ph-lr",
        {},
        number({
          kind: "physiology",
          field: "map_mmhg",
          key: "map",
          value: reading?.data.map_mmhg,
          step: 1,
          start: 80,
          save: (map_mmhg) => physiology({ map_mmhg }),
        }),
        number({
          kind: "physiology",
          field: "temp_c",
          key: "temp",
          value: reading?.data.temp_c,
          step: 0.1,
          start: 36.5,
          save: (temp_c) => physiology({ temp_c }),
        }),
      ),
      [...f.of("tof"), ...f.of("physiology")]
        .sort((a, b) => Date.parse(b.entered_at) - Date.parse(a.entered_at))
        .slice(0, 4)
        .map(stampLine),
    ];
  }
  function presence(doctor) {
    const f = fold(),
      mine = f.of("presence").filter((one) => f.root(one.data.physician) === doctor.root),
      open = mine.find((one) => !one.data.disconnect);
    return h(
      "div.ph-card",
      {},
      h("p", {}, doctor.data.name),
      mine.map((one) =>
        h(
          "p.quiet",
          {},
          `Connected ${clock(one.data.connect)}${one.data.disconnect ? ` to ${clock(one.data.disconnect)}` : ""}`,
        ),
      ),
      open
        ? button("Disconnected now", () => act(() => [correct(open, {}, { times: ["disconnect"] })]), {
            key: `off-${doctor.root}`,
          })
        : button(
            "Connected now",
            () => act(() => [{ kind: "presence", data: { physician: doctor.root }, times: ["connect"], now: true }]),
            { key: `on-${doctor.root}` },
          ),
    );
  }
  // How each modality is run, as the preset has it: read, confirmed by going on, and filled in where each patient differs.
  function setUp() {
    const parts = fold().of("modality");
    if (!parts.length) return null;
    return h(
      "details",
      { open: chosen.setUp },
      unfold("setUp", "set-up", "How it is run"),
      parts.map((line) => {
        const d = line.data,
          criterion = fold()
            .of("criterion")
            .find((one) => one.data.modality === d.code),
          field = { SSEP: "stim_ma", TcMEP: "stim_v" }[d.code],
          safety = (d.safety || "").split("; ").filter(Boolean);
        const said = [
          [d.nerve, d.stim_site, d.stim].filter(Boolean).join(", "),
          d.train && `train of ${d.train}`,
          d.isi_ms && `${d.isi_ms} ms apart`,
          d.pw_us && `${d.pw_us} µs`,
          d.rate_hz && `${d.rate_hz} Hz`,
          d.filters_hz && `band ${d.filters_hz.join("-")} Hz`,
          d.averages && `${d.averages} averages`,
          d.muscles?.join(", "),
          d.rec?.join(", "),
          d.montage,
          d.electrodes,
        ];
        const stimulus = (side, index) =>
          number({
            kind: "modality",
            field,
            label: `${d.code} stimulus ${SIDES[side].toLowerCase()}`,
            key: `${field}-${line.root}-${side}`,
            value: d[field]?.[index],
            save: (value) =>
              act(() => [
                correct(line, (data) => ({
                  [field]: [0, 1].map((at) => (at === index ? value : (data[field]?.[at] ?? null))),
                })),
              ]),
          });
        return h(
          "div.ph-card",
          {},
          h("h3", {}, [d.code, d.region].filter(Boolean).join(" ")),
          h("p.quiet", {}, said.filter(Boolean).join("; ")),
          criterion ? h("p.quiet", {}, `Signal alert: ${criterion.data.text}`) : null,
          field ? h("div.ph-values", {}, stimulus("L", 0), stimulus("R", 1)) : null,
          d.code === "TcMEP"
            ? h(
                "div.ph-grid",
                {},
                meta.form.chips.safety.map((one) =>
                  chip(one, safety.includes(one), () =>
                    act(() => [
                      correct(line, (data) => {
                        const now = (data.safety || "").split("; ").filter(Boolean);
                        return {
                          safety:
                            (now.includes(one) ? now.filter((x) => x !== one) : [...now, one]).join("; ") || undefined,
                        };
                      }),
                    ]),
                  ),
                ),
              )
            : null,
        );
      }),
    );
  }
  function preset(one) {
    const rows = [
      ...one.modalities.map((part) => ({ kind: "modality", data: clean(part) })),
      ...Object.entries(one.criteria).map(([modality, text]) => ({ kind: "criterion", data: { modality, text } })),
      ...one.responses.map((part) => ({ kind: "baseline", data: clean(part) })),
    ];
    return rows;
  }
  const clean = ({ kind, ...data }) => data;

  // Signal alerts

  const ofAlert = (kind, alert) =>
    fold()
      .of(kind)
      .filter((one) => fold().root(one.data.alert) === alert.root);
  function alertCard(alert) {
    const end = ofAlert("resolution", alert).pop();
    return h(
      `div.ph-card${end?.data.status ? "" : ".open"}`,
      {},
      h("p", {}, `${clock(alert.at)} ${alert.data.modality} signal alert, ${end?.data.status || "open"}`),
      button("Go on with it", () => go(`alert:${alert.root}`), { key: `alert-${alert.root}` }),
    );
  }
  function alertSheet(id) {
    const f = fold(),
      alert = id && f.of("alert").find((one) => one.root === id);
    const codes = [...new Set(f.of("modality").map((one) => one.data.code))].filter((one) => one !== "TOF");
    if (!alert)
      return [
        title("Signal alert"),
        h("p", {}, "What changed?"),
        h(
          "div.ph-two",
          {},
          (codes.length ? codes : meta.form.modalities).map((code) =>
            button(
              code,
              async () => {
                const [made] = await put(
                  () => [{ kind: "alert", data: { modality: code, rows: [] }, now: true }],
                  now0 || Date.now(),
                );
                location.replace(`#alert:${made}`);
              },
              {},
              ".half",
            ),
          ),
        ),
      ];
    // Which side was tapped belongs to this alert alone.
    if (chosen.alert !== alert.root) Object.assign(chosen, { alert: alert.root, side: "", site: "" });
    const d = alert.data,
      rows = d.rows || [],
      tests = d.modality === "tEMG" ? f.of("stim_test") : [],
      responses = f.of("baseline").filter((one) => one.data.modality === d.modality && one.data.quality !== "absent"),
      end = ofAlert("resolution", alert).pop();
    // A row says what changed by a response, by a stimulation test, or by side and site where neither is in the record.
    const keyOf = (row) => (row.ref || row.stim_ref ? f.root(row.ref || row.stim_ref) : `${row.side} ${row.site}`);
    const save = (change) => act(() => [correct(alert, change)]);
    const has = (line) => rows.some((row) => keyOf(row) === line.root),
      told = ofAlert("told", alert),
      criterion = f.of("criterion").find((one) => one.data.modality === d.modality);
    const toggle = (key, row) =>
      save((data) => ({
        rows: (data.rows || []).some((one) => keyOf(one) === key)
          ? data.rows.filter((one) => keyOf(one) !== key)
          : [...(data.rows || []), row],
      }));
    const ended = () => ofAlert("resolution", alert).pop();
    const ends = (status) =>
      act(() =>
        ended()
          ? [correct(ended(), { status }, { now: true })]
          : [
              {
                kind: "resolution",
                data: {
                  alert: alert.root,
                  status,
                  rows: (newest(alert).data.rows || []).map(({ ref, stim_ref, side, site }) => ({
                    ...(ref ? { ref: f.root(ref) } : stim_ref ? { stim_ref: f.root(stim_ref) } : { side, site }),
                  })),
                },
                now: true,
              },
            ],
      );
    // The change in percent always follows from the two numbers beside it.
    const shared = (row, base, name) => {
      if (base == null || base === 0 || row.value_uv == null) return row;
      return { ...row, [name]: Math.round((100 * row.value_uv) / base) - (name === "change_pct" ? 100 : 0) };
    };
    const withRow = (list, line, change, name) => {
      const base = newest(line).data.amp_uv,
        old = (list || []).find((row) => keyOf(row) === line.root) || { ref: line.root },
        row = shared({ ...old, ...change }, base, name);
      return (list || []).some((one) => keyOf(one) === line.root)
        ? list.map((one) => (keyOf(one) === line.root ? row : one))
        : [...(list || []), row];
    };
    const changed = (line, change) => save((data) => ({ rows: withRow(data.rows, line, change, "change_pct") }));
    const recovered = (line, change) =>
      act(() => [correct(ended(), (data) => ({ rows: withRow(data.rows, line, change, "pct_of_baseline") }))]);
    // With another baseline the shares of it are others too.
    const based = (line, amp_uv) =>
      act(() => {
        const again = (name) => (data) => ({
          rows: (data.rows || []).map((row) => (keyOf(row) === line.root ? shared(row, amp_uv, name) : row)),
        });
        return [
          correct(line, { amp_uv }),
          correct(alert, again("change_pct")),
          ...(ended()?.data.rows?.some((row) => row.value_uv != null)
            ? [correct(ended(), again("pct_of_baseline"))]
            : []),
        ];
      });
    const sideOf = ([first]) =>
      chosen.side || (first && (first.side || fold().lines.find((one) => one.root === keyOf(first))?.data.side)) || "";
    const side = sideOf(rows);
    // Asked when its turn comes: a site tapped just before, and not drawn yet, says the side too.
    const siteSaid = async () => {
      await act(() => {
        const list = newest(alert).data.rows || [],
          row = { side: sideOf(list), site: chosen.site };
        if (!row.site || !["L", "R"].includes(row.side)) return [];
        chosen.site = "";
        return list.some((one) => keyOf(one) === keyOf(row)) ? [] : [correct(alert, { rows: [...list, row] })];
      });
      if (chosen.site) said = `Tap left or right for ${chosen.site}.`;
      draw();
    };
    return [
      title(`${d.modality} signal alert`),
      h("p.quiet", {}, `Since ${clock(alert.at)}`),
      h(
        "div.ph-two",
        { role: "group", "aria-label": "Side" },
        ["L", "R"].map((one) =>
          button(
            SIDES[one],
            () => {
              chosen.side = one;
              siteSaid();
            },
            { "aria-pressed": String(side === one) },
            ".half",
          ),
        ),
      ),
      h(
        "div.ph-grid",
        { role: "group", "aria-label": "Where" },
        responses
          .filter((one) => !side || one.data.side === side || one.data.side === "B" || has(one))
          .map((one) =>
            chip(
              [
                side ? (one.data.side !== side ? SIDES[one.data.side] : "") : SIDES[one.data.side],
                one.data.site,
                one.data.peak,
              ]
                .filter(Boolean)
                .join(" "),
              has(one),
              () => toggle(one.root, { ref: one.root }),
              response(one),
            ),
          ),
        tests
          .filter((one) => !side || one.data.side === side || has(one))
          .map((one) =>
            chip(words(one), has(one), () => toggle(one.root, { stim_ref: one.root }), `Screw ${words(one)}`),
          ),
        rows
          .filter((row) => !row.ref && !row.stim_ref)
          .map((row) => chip(`${SIDES[row.side] || ""} ${row.site || row.text || ""}`, true, () => toggle(keyOf(row)))),
      ),
      h("h3", {}, "Told now"),
      h(
        "div.ph-grid",
        {},
        meta.form.chips.told.map((one) => {
          const was = told.find((x) => x.data.who === one.who);
          return chip(
            was ? `${one.who} ${clock(was.at)}` : one.who,
            was,
            () => act(() => [was ? strike(was) : { kind: "told", data: { alert: alert.root, ...one }, now: true }]),
            `Told ${one.who}`,
          );
        }),
      ),
      h("h3", {}, "Done now"),
      h(
        "div.ph-grid",
        {},
        meta.form.chips.actions.map((one) => {
          const was = ofAlert("alert_action", alert).find((x) => x.data.text === one.text);
          return chip(
            was ? `${one.text} ${clock(was.at)}` : one.text,
            was,
            () =>
              act(() => [was ? strike(was) : { kind: "alert_action", data: { alert: alert.root, ...one }, now: true }]),
            one.text,
          );
        }),
      ),
      ofAlert("alert_action", alert)
        .filter((one) => !meta.form.chips.actions.some((x) => x.text === one.data.text))
        .map(stampLine),
      typedLine("other-action", "Something else was done", (text) =>
        act(() => [{ kind: "alert_action", data: { alert: alert.root, text }, now: true }]),
      ),
      typedLine("other-site", "Another site that changed", (site) => {
        chosen.site = site;
        return siteSaid();
      }),
      h("h3", {}, "How it ended"),
      h(
        "div.ph-grid",
        {},
        [
          ["resolved", "Back to baseline now"],
          ["partial", "Partly recovered now"],
          ["unresolved", "Not recovered at last test"],
        ].map(([status, label]) =>
          chip(
            end?.data.status === status ? `${label.replace(" now", "")} ${clock(end.at)}` : label,
            end?.data.status === status,
            () => ends(status),
            label,
          ),
        ),
      ),
      end?.data.status === "unresolved"
        ? chip(
            end.data.reported_at
              ? `Surgeon told ${clock(end.data.reported_at)}`
              : "Surgeon told that it did not recover",
            end.data.reported_at,
            () => act(() => [correct(end, { reported_to: "surgeon" }, { times: ["reported_at"] })]),
          )
        : null,
      rows.map((row) => {
        const base = row.ref && f.of("baseline").find((one) => one.root === f.root(row.ref));
        if (!base || d.modality === "EMG") return null;
        const after = end?.data.rows?.find((one) => keyOf(one) === base.root),
          ref = base.root,
          [least, most] = meta.form.latency[(base.data.peak || "").toUpperCase()] || meta.form.latency[""];
        const value = (label, name, was, kind, field, save, more) =>
          number({ kind, field, label, key: `${name}-${ref}`, value: was, save, ...more });
        return h(
          "div.ph-card",
          {},
          h("p", {}, response(base)),
          h("div.ph-values", {}, [
            value("Baseline", "base", base.data.amp_uv, "baseline", "amp_uv", (uv) => based(base, uv)),
            value("Worst", "worst", row.value_uv, "row", "value_uv", (value_uv) => changed(base, { value_uv })),
            end
              ? value("After", "after", after?.value_uv, "row", "value_uv", (value_uv) => recovered(base, { value_uv }))
              : null,
          ]),
          base.data.peak
            ? h("div.ph-values", {}, [
                value(
                  "Baseline latency",
                  "base-lat",
                  base.data.lat_ms,
                  "baseline",
                  "lat_ms",
                  (lat_ms) => act(() => [correct(base, { lat_ms })]),
                  { least, most },
                ),
                value("Worst latency", "worst-lat", row.value_lat_ms, "row", "value_lat_ms", (value_lat_ms) =>
                  changed(base, { value_lat_ms }),
                ),
                end
                  ? value("Latency after", "after-lat", after?.value_lat_ms, "row", "value_lat_ms", (value_lat_ms) =>
                      recovered(base, { value_lat_ms }),
                    )
                  : null,
              ])
            : null,
        );
      }),
      h("h3", {}, "During"),
      h(
        "div.ph-grid",
        {},
        meta.form.chips.contexts.map((one) =>
          chip(one, d.surgical_context === one, () => save({ surgical_context: one }), `During ${one}`),
        ),
      ),
      h("h3", {}, "Suspected cause"),
      h(
        "div.ph-grid",
        {},
        meta.form.chips.causes.map((one) =>
          chip(one, d.cause_suspected === one, () => save({ cause_suspected: one }), `Cause ${one}`),
        ),
      ),
      criterion
        ? [
            h("h3", {}, "Criterion met"),
            chip(criterion.data.text, d.criterion === criterion.data.text, () =>
              save({ criterion: criterion.data.text }),
            ),
          ]
        : null,
      h(
        "div.ph-two",
        {},
        button("Change its time", () => go(`change:${alert.root}`)),
        button("Strike the alert", () => {
          act(() => [strike(alert)]);
          go("live");
        }),
      ),
      h(
        "div.ph-foot",
        {},
        button("Back to the case", () => go(f.of("monitoring_stop").length ? "alerts" : "live"), {}, ".primary"),
      ),
    ];
  }

  // Screws: level by side, one number each

  const SPINE = [
    ...[1, 2, 3, 4, 5, 6, 7].map((n) => `C${n}`),
    ...[...Array(12).keys()].map((n) => `T${n + 1}`),
    ...[1, 2, 3, 4, 5].map((n) => `L${n}`),
    "S1",
  ];
  function levels(c) {
    const found = new Set();
    for (const one of c.levels || []) {
      const [first, last] = one.split(/[-/]/),
        from = SPINE.indexOf(first),
        to = SPINE.indexOf(last && /^[CTLS]/.test(last) ? last : last ? first[0] + last : first);
      if (from >= 0 && to >= from) SPINE.slice(from, to + 1).forEach((level) => found.add(level));
    }
    fold()
      .of("stim_test")
      .forEach((one) => one.data.level && found.add(one.data.level));
    chosen.levels.forEach((level) => found.add(level));
    return found.size ? SPINE.filter((level) => found.delete(level)).concat([...found]) : SPINE.slice(19);
  }
  function screws() {
    const f = fold(),
      c = held.get(caseId),
      shown = levels(c),
      none = f.of("statement").find((one) => one.data.what === "no_stim_tests"),
      tests = f.of("stim_test");
    const cell = (level, side) => {
      const mine = tests.filter((one) => one.data.level === level && one.data.side === side),
        last = mine[mine.length - 1],
        isLow = last && c.threshold != null && last.data.thr_ma < c.threshold;
      const field = (line, more) =>
        number({
          kind: "stim_test",
          field: "thr_ma",
          label: `${SIDES[side]}${more ? ", retest" : ""}`,
          key: `screw-${level}-${side}-${line ? line.root : more ? "re" : "new"}`,
          value: line?.data.thr_ma,
          low: line && c.threshold != null && line.data.thr_ma < c.threshold ? `low, below ${c.threshold}` : "",
          clear: line && (() => act(() => [strike(line)])),
          save: (thr_ma) =>
            act(() => [
              line
                ? correct(line, { thr_ma })
                : {
                    kind: "stim_test",
                    data: { type: "pedicle_screw", level, side, thr_ma, ...(more ? { retest_of: last.root } : {}) },
                    now: true,
                  },
            ]),
        });
      return h(
        "div.side",
        { role: "group", "aria-label": `${level} ${SIDES[side]}` },
        mine.map((line, index) => field(line, index > 0)),
        !last ? field(null) : isLow ? field(null, true) : null,
      );
    };
    return page("screws", [
      h(
        "p.quiet",
        {},
        c.threshold != null ? `Below ${c.threshold} mA is marked low.` : "This facility has no threshold set.",
      ),
      !tests.length
        ? chip("No stimulation tests", none, () =>
            act(() => [none ? strike(none) : { kind: "statement", data: { what: "no_stim_tests" }, now: true }]),
          )
        : null,
      shown.map((level) =>
        h("div.ph-row", {}, h("span.name", {}, level), h("div.ph-lr", {}, cell(level, "L"), cell(level, "R"))),
      ),
      h(
        "div.ph-num",
        {},
        h("label", { for: "level" }, "Another level"),
        h(
          "select",
          {
            id: "level",
            "data-key": "level",
            onchange: (event) => {
              chosen.levels.push(event.target.value);
              draw();
            },
          },
          h("option", { value: "" }, "Choose"),
          SPINE.filter((level) => !shown.includes(level)).map((level) => h("option", { value: level }, level)),
        ),
      ),
    ]);
  }

  // The machine's export: what each row seems to say stays dotted until somebody taps it

  let guesses = [];
  // Machines write UTF-8, Windows' own letters or UTF-16 with its mark.
  async function textOf(file) {
    const bytes = new Uint8Array(await file.arrayBuffer());
    const mark =
      bytes[0] === 0xff && bytes[1] === 0xfe ? "utf-16le" : bytes[0] === 0xfe && bytes[1] === 0xff ? "utf-16be" : "";
    try {
      return new TextDecoder(mark || "utf-8", { fatal: true }).decode(bytes);
    } catch (error) {
      return new TextDecoder("windows-1252").decode(bytes);
    }
  }
  // Text with separators, in quotes or not, as rows of cells.
  function cellsOf(text) {
    const lines = text.split(/\r\n|\r|\n/).filter((one) => one.trim()),
      often = (sign) => lines.filter((one) => one.includes(sign)).length,
      mark = ["\t", ";", ","].find((sign) => often(sign) * 2 >= lines.length);
    if (!mark) return lines.map((one) => one.trim().split(/\s{2,}/));
    const cell = new RegExp(`(?:"((?:[^"]|"")*)"|([^${mark}]*))(?:${mark}|$)`, "g");
    return lines.map((line) =>
      [...line.matchAll(cell)]
        .slice(0, line.endsWith(mark) ? undefined : -1)
        .map(([, quoted, plain]) => (quoted === undefined ? plain : quoted.replace(/""/g, '"')).trim()),
    );
  }
  const UNITS = { ms: 1, s: 1000, µv: 1, uv: 1, mv: 1000, nv: 0.001, v: 1e6 };
  // A number with its unit or without; in English and in most other languages' signs. Undefined where there is none.
  function numberOf(cell, unit = "") {
    const got = /^(\d[\d.,]*|[.,]\d+)\s*(ms|s|[µμu]v|mv|nv|v)?$/i.exec((cell || "").trim());
    if (!got) return undefined;
    const digits = /^\d{1,3}(,\d{3})+(\.\d+)?$/.test(got[1]) ? got[1].replace(/,/g, "") : got[1].replace(",", "."),
      factor = UNITS[(got[2] || unit).toLowerCase().replace("μ", "µ")] || 1;
    return Number.isFinite(Number(digits)) ? Number((Number(digits) * factor).toPrecision(6)) : undefined;
  }
  function guess(text) {
    const rows = cellsOf(text).slice(0, 400),
      low = rows.map((cells) => cells.map((one) => one.toLowerCase())),
      top = low.findIndex(
        (cells) =>
          cells.length > 1
          && cells.some((one) => /\b(lat|amp)/.test(one))
          && !cells.some((one) => numberOf(one) !== undefined),
      ),
      column = (pattern) => (top < 0 ? -1 : low[top].findIndex((one) => pattern.test(one))),
      at = { lat_ms: column(/\blat/), amp_uv: column(/\bamp/) },
      unit = (name) => /[([ ](ms|s|[µμu]v|mv|nv|v)[)\] ]?$/.exec(low[top]?.[at[name]] || "")?.[1] || "";
    const found = [];
    let section = "";
    for (const cells of rows.slice(top + 1)) {
      const words = cells.filter((one) => numberOf(one) === undefined).join(" "),
        numbers = cells.map((one) => numberOf(one)).filter((one) => one !== undefined);
      // A line of words alone names what the rows under it belong to.
      if (!numbers.length) section = words;
      else {
        const line = responseIn(`${section} ${words}`, words);
        const value = (name, plain) => (top < 0 ? plain : numberOf(cells[at[name]], unit(name)));
        found.push({
          text: [section, ...cells].filter(Boolean).join("  "),
          root: line?.root || "",
          lat_ms: value("lat_ms", numbers.length > 1 ? numbers[0] : undefined),
          amp_uv: value("amp_uv", numbers[numbers.length - 1]),
        });
      }
    }
    return found.filter((one) => one.lat_ms !== undefined || one.amp_uv !== undefined);
  }
  // The one response whose names stand in these words, by whole words and the usual short names; else none.
  function responseIn(text, own) {
    const spread = (one) => {
      const words = one
        .toLowerCase()
        .split(/[^\p{L}\d]+/u)
        .filter(Boolean);
      return ` ${words.map((word) => (meta.form.also[word] ? `${word} ${meta.form.also[word].toLowerCase()}` : word)).join(" ")} `;
    };
    const plain = spread(text),
      within = (name) => Boolean(name) && plain.includes(` ${name.toLowerCase()} `),
      sideIn = (one) => (/ (left|l|lt) /.test(one) ? "L" : / (right|r|rt) /.test(one) ? "R" : ""),
      side = sideIn(spread(own)) || sideIn(plain);
    const scored = fold()
      .of("baseline")
      .filter(({ data }) => !side || !["L", "R"].includes(data.side) || data.side === side)
      .map((line) => {
        const { modality, site, peak, side: its } = line.data;
        return [3 * within(site) + within(modality) + within(peak) + (side && its === side ? 2 : 0), line];
      })
      .sort((a, b) => b[0] - a[0]);
    return scored[0]?.[0] >= 4 && scored[0][0] > (scored[1]?.[0] || 0) ? scored[0][1] : null;
  }
  const UNREAD = "No row with a latency or an amplitude was found. Each row needs the side, the site and its numbers.";
  function importing() {
    const read = (text) => {
        guesses = guess(text);
        said = guesses.length ? "" : UNREAD;
        draw();
      },
      area = h("textarea", { id: "export", "data-key": "export" }),
      rows = fold().of("baseline");
    return [
      title("Import the machine's export"),
      h(
        "p",
        {},
        "Choose the file or paste its text. Each row is a guess until you tap it; a row you do not tap is not kept.",
      ),
      h(
        "div.ph-num",
        {},
        h("label", { for: "export-file" }, "File (CSV or text)"),
        h("input", {
          id: "export-file",
          type: "file",
          accept: ".csv,.txt,.tsv,text/*",
          onchange: (event) => {
            const file = event.target.files[0];
            if (file && file.size > 1e6) {
              said =
                "This file is larger than 1 MB, so it is no table of responses. Choose the export with the numbers alone.";
              draw();
            } else if (file) textOf(file).then(read);
          },
        }),
      ),
      h("div.ph-num", {}, h("label", { for: "export" }, "Or pasted text"), area),
      button(
        "Read the rows",
        () => {
          const text = area.value;
          area.value = "";
          area.blur();
          read(text);
        },
        { key: "read-rows" },
        guesses.length ? "" : ".primary",
      ),
      guesses.map((one, index) => guessCard(one, index, rows)),
      h(
        "div.ph-foot",
        {},
        button(
          "Back to the baselines",
          () => {
            guesses = [];
            go("baselines");
          },
          {},
          ".primary",
        ),
      ),
    ];
  }
  function guessCard(one, index, rows) {
    const line = rows.find((row) => row.root === one.root),
      numbers = ["lat_ms", "amp_uv"].filter((name) => one[name] !== undefined),
      [least, most] = meta.form.latency[(line?.data.peak || "").toUpperCase()] || meta.form.latency[""],
      limits = meta.form.numbers.baseline,
      possible = numbers.every(
        (name) =>
          one[name] >= limits[name].least
          && one[name] <= limits[name].most
          && (name === "amp_uv" || (one[name] >= least && one[name] <= most)),
      ),
      usual = limits.amp_uv.usual,
      rare = one.amp_uv !== undefined && usual && (one.amp_uv < usual[0] || one.amp_uv > usual[1]);
    const set = (values) => act(() => [correct(line, values)]),
      take = () => {
        const before = Object.fromEntries(numbers.map((name) => [name, line.data[name]]));
        if (one.taken) set(one.taken);
        else set(Object.fromEntries(numbers.map((name) => [name, one[name]])));
        one.taken = one.taken ? null : before;
      };
    return h(
      `div.ph-card${one.taken ? "" : ".dotted"}`,
      {},
      h("p.quiet", {}, one.text),
      one.taken
        ? null
        : h(
            "div.ph-num",
            {},
            h("label", { for: `guess-${index}` }, "Response"),
            h(
              "select",
              {
                id: `guess-${index}`,
                "data-key": `guess-${index}`,
                onchange: (event) => {
                  one.root = event.target.value;
                  draw();
                },
              },
              h("option", { value: "" }, "None of this case"),
              rows.map((row) => h("option", { value: row.root, selected: row.root === one.root }, response(row))),
            ),
          ),
      h(
        "p",
        {},
        [
          one.taken && response(line),
          one.lat_ms !== undefined && `${one.lat_ms} ms`,
          one.amp_uv !== undefined && `${one.amp_uv} µV`,
        ]
          .filter(Boolean)
          .join(", "),
      ),
      line && !possible ? h("p", {}, "These numbers are not possible for this response. The row is left out.") : null,
      line && possible && rare ? h("p", {}, `Usual is ${usual[0]} to ${usual[1]} µV.`) : null,
      line && possible ? chip(one.taken ? "Taken" : "That is right", one.taken, take, `Take ${one.text}`) : null,
    );
  }

  // Times

  function typedTime(text, near) {
    const got = /^\s*(\d{1,2})[:.]?(\d{2})\s*$/.exec(text);
    if (!got || Number(got[1]) > 23 || Number(got[2]) > 59) return null;
    const zone = held.get(caseId).zone,
      base = near ? Date.parse(near) : shownNow();
    // The instant nearest to the one before that shows these digits in the room: midnight and clock changes need no rule.
    const digits = `${got[1].padStart(2, "0")}:${got[2]}`,
      format = new Intl.DateTimeFormat("en-US", {
        timeZone: zone,
        hourCycle: "h23",
        hour: "2-digit",
        minute: "2-digit",
      });
    const minute = Math.floor(base / 60000) * 60000;
    for (let n = 0; n <= 780; n++)
      for (const at of [minute - n * 60000, minute + n * 60000]) if (format.format(at) === digits) return at;
    return null;
  }
  // `move` makes the new time out of the one that stands when its turn comes.
  function shift(drawn, name, move) {
    return act(() => {
      const line = newest(drawn),
        was = name ? line.data[name] : line.at,
        to = iso(move(Date.parse(was))),
        data = name ? { ...line.data, [name]: to } : line.data;
      for (const [from, until] of [
        ["start", "end"],
        ["connect", "disconnect"],
      ])
        if (data[from] && data[until] && Date.parse(data[until]) < Date.parse(data[from])) {
          said = "It would end before it starts. Change the other time first.";
          return [];
        }
      return [correct(line, data, !name || line.at === was ? { at: to } : {})];
    });
  }

  // Around the form

  async function propose(items) {
    try {
      await hello();
      const byCase = new Map();
      items.forEach((one) => byCase.set(one.case, [...(byCase.get(one.case) || []), one]));
      for (const [id, list] of byCase) {
        const { body } = await post(
          `/cases/${id}/proposals`,
          list.map((one) => one.body),
        );
        const kept = new Set(body.kept || []);
        const gone = list.filter((one) => kept.has(one.body.client_id) || one.body.kind === "close");
        await store(["outbox"], (s) => gone.forEach((one) => s.outbox.delete(one.seq)));
        said = body.kept ? "Proposed. The physician sees it with the report." : (body.reasons || []).join(" ");
      }
      await reread();
    } catch (error) {
      said = "The server did not answer. The entries are still here.";
    }
    draw();
  }
  function save() {
    const link = h("a", {
      href: URL.createObjectURL(
        new Blob(
          [
            JSON.stringify(
              {
                format: "evoked-entries/1",
                saved_at: iso(Date.now()),
                entries: outbox.map((one) => ({ case: one.case, ...one.body })),
              },
              null,
              1,
            ),
          ],
          { type: "application/json" },
        ),
      ),
      download: "entries-not-sent.json",
    });
    document.body.append(link);
    link.click();
    link.remove();
    chosen.saved = true;
    draw();
  }
  const monitored = () =>
    held.has(caseId) && meta.form && fold().of("monitoring_start").length > fold().of("monitoring_stop").length;
  async function keepAwake() {
    const wanted = monitored() && !document.hidden;
    if (!navigator.wakeLock || lock === "asked" || Boolean(lock) === Boolean(wanted)) return;
    if (!wanted) {
      lock.release().catch(() => {});
      lock = null;
      return;
    }
    lock = "asked";
    try {
      lock = await navigator.wakeLock.request("screen");
      lock.addEventListener("release", () => {
        lock = null;
      });
      if (!monitored() || document.hidden) keepAwake();
    } catch (error) {
      lock = null;
    }
  }
  // On pages without the form: say in the messages that something waits.
  function mark() {
    const place = document.getElementById("messages");
    document.getElementById("ph-waits")?.remove();
    if (place && (outbox.length || (auth === "revoked" && outbox.length)))
      place.append(
        h(
          "p.message.warning",
          { id: "ph-waits" },
          `${state()} on this phone. `,
          h("a", { href: `/cases/${outbox[0].case}/phone#waiting` }, "Show them"),
        ),
      );
  }
  // Signing out wipes this phone (installed.js asks first). Nothing that was not sent goes with it unasked.
  document.addEventListener("evoked:signing-out", (event) => {
    if (!outbox.length && !writing) {
      event.detail.until.push(wipe());
      return;
    }
    event.preventDefault();
    const form = document.querySelector('form[action$="/sign-out"]'),
      place = document.getElementById("messages");
    const ask = () => {
      if (!outbox.length) return form.requestSubmit();
      place.replaceChildren(
        h(
          "div.problems",
          { role: "alert", tabindex: "-1" },
          h("h2", {}, `${outbox.length} ${outbox.length > 1 ? "entries were" : "entry was"} not sent`),
          h(
            "p",
            {},
            "Signing out empties this phone. Send them or save them as a file first; signing out without that loses them.",
          ),
          h(
            "p.act-row",
            {},
            button("Send now", () => send().then(ask), {}, ".primary"),
            button("Save them as a file", save),
            button("Stay signed in", () => place.replaceChildren()),
            button("Sign out and lose them", () => wipe().then(ask), {}, ".danger"),
          ),
        ),
      );
      place.firstChild.focus();
    };
    turn.then(send).then(ask);
  });
  window.addEventListener("online", wake);
  window.addEventListener("pageshow", wake);
  window.addEventListener("hashchange", () => {
    if (location.hash !== "#missing" && location.hash !== "#waiting") said = "";
    draw();
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) hidden += 1;
    wake();
  });
  setInterval(wake, 30000);
  navigator.serviceWorker?.addEventListener("message", (event) => {
    if (event.data?.kind === "send") wake();
  });

  async function begin() {
    const path = /^\/cases\/(\d+)\/phone$/.exec(location.pathname);
    caseId = path ? Number(path[1]) : 0;
    await load();
    if (root?.id === "offline") {
      document.body.classList.add("bare");
      if (held.size) document.querySelector("h1").textContent = "Phone copy";
    }
    if (document.body.classList.contains("public") && !root) return;
    draw();
    if (root?.id !== "offline" && (root || outbox.length || Date.now() - (meta.contact || 0) > 300000)) {
      if (outbox.length) await send();
      await refresh();
    } else if (waiting().length) send();
  }
  begin();
})();
