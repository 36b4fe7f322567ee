// The organiser's grid: slots are dragged, or moved by keys. Without this file each has its form.
(function () {
  "use strict";
  var form = document.getElementById("grid-form");
  var cards = document.querySelectorAll("[data-card]");
  if (!form || !cards.length) { return; }
  document.querySelectorAll("[data-keys]").forEach(function (words) { words.hidden = false; });

  function send(address, fields) {
    Object.keys(fields).forEach(function (name) {
      var input = document.createElement("input");
      input.type = "hidden"; input.name = name; input.value = fields[name];
      form.appendChild(input);
    });
    form.action = address;
    form.submit();
  }

  // A slot keeps its hour when it goes to the same part of another day, else it begins when the part does.
  function moveTo(card, cell) {
    var starts = card.dataset.band === cell.dataset.band ? card.dataset.starts : cell.dataset.starts;
    if (card.dataset.day === cell.dataset.day && card.dataset.starts === starts) { return; }
    send(card.dataset.move, { day: cell.dataset.day, starts: starts });
  }

  var dragged = null;
  cards.forEach(function (card) {
    card.draggable = true;
    card.querySelector("a").draggable = false;
    card.addEventListener("dragstart", function (event) {
      dragged = card;
      card.classList.add("dragged");
      event.dataTransfer.effectAllowed = "move";
      event.dataTransfer.setData("text/plain", card.id);
    });
    card.addEventListener("dragend", function () { dragged = null; card.classList.remove("dragged"); });
    card.addEventListener("keydown", function (event) { keys(event, card); });
  });
  document.querySelectorAll("[data-grid] td[data-day]").forEach(function (cell) {
    cell.addEventListener("dragover", function (event) {
      if (!dragged) { return; }
      event.preventDefault();
      cell.classList.add("over");
    });
    cell.addEventListener("dragleave", function () { cell.classList.remove("over"); });
    cell.addEventListener("drop", function (event) {
      event.preventDefault();
      cell.classList.remove("over");
      if (dragged) { moveTo(dragged, cell); }
    });
  });

  function keys(event, card) {
    if (!event.altKey || event.ctrlKey || event.metaKey || event.key.indexOf("Arrow") !== 0) { return; }
    event.preventDefault();
    var up = event.key === "ArrowUp" ? -15 : event.key === "ArrowDown" ? 15 : 0;
    if (up && event.shiftKey) { send(card.dataset.resize, { minutes: up }); return; }
    if (up) {
      var parts = card.dataset.starts.split(":");
      var minutes = Number(parts[0]) * 60 + Number(parts[1]) + up;
      if (minutes < 0 || minutes >= 1440) { return; }
      var hour = String(Math.floor(minutes / 60)), rest = String(minutes % 60);
      send(card.dataset.move, { day: card.dataset.day, starts: hour.padStart(2, "0") + ":" + rest.padStart(2, "0") });
      return;
    }
    var onwards = (event.key === "ArrowRight") === (document.documentElement.dir !== "rtl");
    var days = [];
    document.querySelectorAll("[data-grid] td[data-day]").forEach(function (cell) {
      if (days.indexOf(cell.dataset.day) < 0) { days.push(cell.dataset.day); }
    });
    days.sort();
    var day = days[days.indexOf(card.dataset.day) + (onwards ? 1 : -1)];
    if (day) { send(card.dataset.move, { day: day, starts: card.dataset.starts }); }
  }

  // After a move the page opens at the slot that was moved, ready for the next key.
  var target = window.location.hash && document.getElementById(window.location.hash.slice(1));
  if (target && target.hasAttribute("data-card")) { target.querySelector("a").focus({ preventScroll: true }); }
})();
