// When a schedule fires: as a sentence, and as the choices of a form.

import { duration } from "../../lib/format.js";

/** @typedef {import("../../types.js").ScheduleHeadDocument} ScheduleHeadDocument */
/** @typedef {Pick<ScheduleHeadDocument, "cron" | "every" | "timezone">} Times */
/** @typedef {"every" | "daily" | "weekly" | "cron"} Kind */
/**
 * The choices of the form. `time` is HH:MM, `weekday` counts from Sunday, `count` is a number of
 * units, each of `unit` seconds. Those of another kind are empty.
 *
 * @typedef {{
 *   kind: Kind, count: string, unit: string, time: string, weekday: string, cron: string,
 * }} Choices
 */

/** The units of an interval, in seconds, the longest one last. */
export const UNITS = { 1: "seconds", 60: "minutes", 3600: "hours", 86400: "days" };
/** The days of a week, as cron counts them. */
export const WEEKDAYS = "Sunday Monday Tuesday Wednesday Thursday Friday Saturday".split(" ");
const AT_A_TIME = /^(\d{1,2}) (\d{1,2}) \* \* (\*|[0-6])$/;

/** @type {Choices} */
const NONE = { kind: "daily", count: "", unit: "60", time: "", weekday: "1", cron: "" };

/**
 * Describe when a schedule fires: "every 5 min", "daily at 02:30, Europe/Berlin".
 *
 * @param {Times} times
 * @returns {string}
 */
export function timesText(times) {
  const { kind, time, weekday, cron } = choicesOf(times);
  if (kind === "every") return `every ${duration(times.every ?? 0)}`;
  if (kind === "cron") return `${cron}, ${times.timezone}`;
  const day = kind === "daily" ? "daily" : `on ${WEEKDAYS[Number(weekday)]}s`;
  return `${day} at ${time}, ${times.timezone}`;
}

/**
 * Return the choices of the form that mean these times.
 *
 * @param {Pick<Times, "cron" | "every">} times
 * @returns {Choices}
 */
export function choicesOf({ cron, every }) {
  if (every !== null) {
    const unit = Object.keys(UNITS).findLast((each) => every % Number(each) === 0) ?? "1";
    return { ...NONE, kind: "every", unit, count: String(every / Number(unit)) };
  }
  const [, minute, hour, weekday] = AT_A_TIME.exec(cron ?? "") ?? [];
  if (!minute || Number(minute) > 59 || Number(hour) > 23)
    return { ...NONE, kind: "cron", cron: cron ?? "" };
  const time = `${hour.padStart(2, "0")}:${minute.padStart(2, "0")}`;
  return weekday === "*"
    ? { ...NONE, kind: "daily", time }
    : { ...NONE, kind: "weekly", time, weekday };
}

/**
 * Return the times that choices of the form mean, as the API takes them.
 *
 * @param {Choices} choices
 * @returns {{ cron: string } | { every: number }}
 */
export function timesOf({ kind, count, unit, time, weekday, cron }) {
  if (kind === "every") return { every: Number(count) * Number(unit) };
  if (kind === "cron") return { cron: cron.trim() };
  const [hour, minute] = time.split(":").map(Number);
  return { cron: `${minute} ${hour} * * ${kind === "daily" ? "*" : weekday}` };
}
