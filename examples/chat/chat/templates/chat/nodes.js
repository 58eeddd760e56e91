"use strict";

// A process has a colour of its own, made from its id: one sees at a glance when another worker answers.
function paint(node) {
  let hue = 7;
  for (const character of node.dataset.id) {
    hue = (hue * 31 + character.charCodeAt(0)) % 3600;
  }
  node.style.setProperty("--hue", hue / 10);
}

document.querySelectorAll(".node").forEach(paint);
