"use strict";
// Chooses the language of the words (the answers stay as they are), and which answers are shown.
const root = document.documentElement;
const speak = (words) => {
  root.dataset.words = words;
  root.lang = words === "zh" ? "zh-Hans" : "en";
  document.querySelectorAll("option").forEach((each) => (each.textContent = each.dataset[words]));
};
speak((navigator.language || "en").toLowerCase().startsWith("zh") ? "zh" : "en");
document.getElementById("words").addEventListener("click", () => speak(root.dataset.words === "en" ? "zh" : "en"));

const filter = document.getElementById("filter");
if (filter) {
  filter.addEventListener("change", () => {
    document.querySelectorAll(".answer").forEach((each) => {
      const [kind, value] = filter.value.split("=");
      each.hidden = kind !== "all" && (value === undefined ? !each.hasAttribute(`data-${kind}`) : each.dataset[kind] !== value);
    });
  });
}
