// Numbers and times as the reader's own place writes them.

export const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

const whole = new Intl.NumberFormat();
const short = new Intl.NumberFormat(undefined, { notation: "compact", maximumFractionDigits: 1 });
const percents = new Intl.NumberFormat(undefined, { style: "percent", maximumFractionDigits: 0 });
const signed = new Intl.NumberFormat(undefined, {
  signDisplay: "exceptZero",
  minimumFractionDigits: 2,
  maximumFractionDigits: 2,
});
const languages = new Intl.DisplayNames(undefined, { type: "language" });
const ago = new Intl.RelativeTimeFormat(undefined, { numeric: "auto", style: "short" });

export const count = (number) => whole.format(number);
export const brief = (number) => (number < 10_000 ? whole.format(number) : short.format(number));
export const percent = (share) => percents.format(share);
export const sentiment = (value) => (value == null ? "–" : signed.format(value).replace("-", "−"));
export const decimal = (value, digits = 1) => (value == null ? "–" : Number(value.toFixed(digits)).toLocaleString());

export function language(code) {
  return code === "und" ? "Undetermined" : languages.of(code);
}

const clock = { hour: "2-digit", minute: "2-digit" };
const day = { month: "short", day: "numeric" };
const formats = {
  minute: new Intl.DateTimeFormat(undefined, clock),
  hour: new Intl.DateTimeFormat(undefined, { ...day, ...clock }),
  day: new Intl.DateTimeFormat(undefined, { weekday: "short", ...day }),
  date: new Intl.DateTimeFormat(undefined, day),
  full: new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" }),
};

/** A time, as exact as minute, hour, day, date or full have it. */
export const time = (value, exact = "full") => formats[exact].format(new Date(value));

const SPANS = [
  [60, "second"],
  [60, "minute"],
  [24, "hour"],
  [Infinity, "day"],
];

/** How long ago. */
export function since(value) {
  let passed = Math.min(0, (new Date(value) - Date.now()) / 1000);
  for (const [length, unit] of SPANS) {
    if (-passed < length) return passed > -5 && unit === "second" ? "now" : ago.format(Math.trunc(passed), unit);
    passed /= length;
  }
}

const LENGTHS = [
  [86_400_000, "days"],
  [3_600_000, "h"],
  [60_000, "min"],
  [1000, "s"],
];

/** So long, in the largest unit that fits. */
export function lasting(milliseconds) {
  const [length, unit] = LENGTHS.find(([each]) => milliseconds >= each) ?? [1, "ms"];
  return `${decimal(milliseconds / length, unit === "ms" ? 0 : 1)} ${unit}`;
}

/** Bytes, as people say them. */
export function bytes(number) {
  const units = ["B", "kB", "MB", "GB"];
  let unit = 0;
  for (; number >= 1000 && unit < units.length - 1; unit++) number /= 1000;
  return `${decimal(number)} ${units[unit]}`;
}
