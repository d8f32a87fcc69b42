"use strict";
// Draws the charts when they come into view, opens the reason that a link names, and folds long texts.
const figures = JSON.parse(document.getElementById("figures").textContent);

const unpacked = (async () => {
  const packed = Uint8Array.from(atob(document.getElementById("plotly").textContent.trim()), (c) => c.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const script = document.createElement("script");
  script.textContent = await new Response(stream).text();
  document.head.append(script);
})();

const painted = (value, style) => {
  if (typeof value === "string" && value.startsWith("--")) return style.getPropertyValue(value).trim();
  if (Array.isArray(value)) return value.map((each) => painted(each, style));
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, painted(each, style)]));
  }
  return value;
};

const drawn = new Set();
const draw = async (place) => {
  drawn.add(place);
  await unpacked;
  const figure = painted(figures[place.id], getComputedStyle(document.documentElement));
  if (place.clientWidth < 480) figure.layout.font.size = 11;
  figure.layout.font.family = getComputedStyle(document.body).fontFamily;
  await Plotly.react(place, figure.data, figure.layout, { displayModeBar: false, responsive: true });
};

const places = [...document.querySelectorAll(".chart")];
const seen = new IntersectionObserver(
  (entries) => entries.filter((e) => e.isIntersecting && !drawn.has(e.target)).forEach((e) => draw(e.target)),
  { rootMargin: "400px" },
);
places.forEach((place) => seen.observe(place));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawn.forEach(draw));
addEventListener("beforeprint", () => places.forEach(draw));
unpacked.catch((error) => {
  document.getElementById("no-charts").hidden = false;
  console.error(error);
});

const openTarget = () => {
  const target = location.hash && document.getElementById(location.hash.slice(1));
  if (target && target.matches("details")) target.open = true;
  if (target) target.scrollIntoView();
};
addEventListener("hashchange", openTarget);
openTarget();

document.querySelectorAll("dd[data-long]").forEach((text) => {
  const button = document.createElement("button");
  const fold = (folded) => {
    text.classList.toggle("clamped", folded);
    button.textContent = folded ? `show all ${text.dataset.long} characters` : "show less";
    button.setAttribute("aria-expanded", String(!folded));
  };
  button.className = "more";
  button.type = "button";
  button.addEventListener("click", () => fold(!text.classList.contains("clamped")));
  text.after(button);
  fold(true);
});
