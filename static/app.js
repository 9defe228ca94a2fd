// What plain HTML cannot do: say that the network failed, put the focus where the answer is,
// stamp the time of now in the facility's zone. Every page works without it.
(function () {
  "use strict";

  function say(text) {
    var line = document.createElement("p");
    line.className = "message error";
    line.textContent = text;
    var place = document.getElementById("messages");
    place.replaceChildren(line);
    place.scrollIntoView({ block: "nearest" });
  }

  document.addEventListener("htmx:sendError", function () {
    say("No connection. What you typed is still here; send it again when you are back online.");
  });
  document.addEventListener("htmx:timeout", function () {
    say("The answer took too long. What you typed is still here; reload to see whether it arrived, then send it again.");
  });
  document.addEventListener("htmx:responseError", function (event) {
    if (event.detail.xhr.status !== 401) say("That did not work. Nothing was changed by it. Reload the page and try again.");
  });

  // A refusal comes as a whole page. Shown inside a part, only its reasons are wanted, above what was typed.
  document.addEventListener("htmx:beforeSwap", function (event) {
    var answer = event.detail;
    if (answer.xhr.status === 422 && /^\s*<!doctype/i.test(answer.serverResponse)) {
      answer.target = document.getElementById("messages");
      answer.swapOverride = "innerHTML";
      answer.selectOverride = ".reasons";
    }
  });
  // The sentence whose entries are shown stays marked.
  document.addEventListener("htmx:beforeRequest", function (event) {
    if (!event.target.matches(".sentence")) return;
    document.querySelectorAll(".sentence[aria-current]").forEach(function (other) { other.removeAttribute("aria-current"); });
    event.target.setAttribute("aria-current", "true");
  });
  document.addEventListener("htmx:afterSwap", function (event) {
    var first = event.target.querySelector(".problems, .reasons, [aria-invalid=true]");
    if (first) {
      first.tabIndex = first.tabIndex < 0 ? -1 : first.tabIndex;
      first.focus();
    }
  });

  function stamp(button) {
    var field = document.getElementById(button.dataset.now);
    var parts = {};
    new Intl.DateTimeFormat("en-US", {
      timeZone: button.dataset.zone, hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit",
      hour: "2-digit", minute: "2-digit", second: "2-digit"
    }).formatToParts(new Date()).forEach(function (part) { parts[part.type] = part.value; });
    var time = parts.hour + ":" + parts.minute + (field.step && field.step < 60 ? ":" + parts.second : "");
    field.value = field.type !== "datetime-local" ? time : parts.year + "-" + parts.month + "-" + parts.day + "T" + time;
    field.dispatchEvent(new Event("change", { bubbles: true }));
  }

  document.addEventListener("click", function (event) {
    var button = event.target.closest("[data-now]");
    if (button) stamp(button);
    document.querySelectorAll("details.more[open]").forEach(function (sheet) {
      if (!sheet.contains(event.target)) sheet.open = false;
    });
  });

  // A code that was found becomes a line of its field, and the search is ready for the next one.
  document.addEventListener("click", function (event) {
    var pick = event.target.closest("[data-line]");
    if (!pick) return;
    event.preventDefault();
    var field = pick.form.elements[pick.dataset.line];
    field.value = (field.value.trim() ? field.value.trim() + "\n" : "") + pick.value;
    field.dispatchEvent(new Event("change", { bubbles: true }));
    var list = pick.closest("[id]");
    var search = document.querySelector("[data-finds='" + list.id + "']");
    list.replaceChildren();
    search.value = "";
    search.focus();
  });
  // Enter and the arrow down go to what was found; they do not send the form.
  document.addEventListener("keydown", function (event) {
    var search = event.target.closest("[data-finds]");
    if (!search || (event.key !== "Enter" && event.key !== "ArrowDown")) return;
    event.preventDefault();
    var first = document.querySelector("#" + search.dataset.finds + " button");
    if (first) first.focus();
  });

  // A report in sight says so every half minute, and once more when it goes out of sight: minutes in review.
  var timed = document.querySelector("[data-review]");
  function beat(begins) {
    var body = new URLSearchParams(begins ? { begins: "yes" } : {});
    var token = JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRFToken"];
    fetch(timed.dataset.review, { method: "POST", body: body, headers: { "X-CSRFToken": token }, keepalive: true }).catch(function () {});
  }
  if (timed) {
    if (!document.hidden) beat(true);
    document.addEventListener("visibilitychange", function () { beat(!document.hidden); });
    setInterval(function () { if (!document.hidden) beat(false); }, 30000);
  }

  // These buttons do nothing without this script, so they are hidden until it runs.
  function reveal(root) {
    root.querySelectorAll("[data-now][hidden]").forEach(function (button) { button.hidden = false; });
  }
  document.addEventListener("htmx:load", function (event) { reveal(event.target); });
  reveal(document);

  var problems = document.querySelector(".problems");
  if (problems) problems.focus();
})();
