// Where on the page somebody is: the part of the address behind #, so that every place is a link.
import { useEffect, useState } from "./parts.js";

export const callPlace = (call) => `#/calls/${encodeURIComponent(call.account)}/${call.n}`;
export const breakPlace = (account, operation = "") =>
  `#/break/${encodeURIComponent(account)}${operation ? `/${encodeURIComponent(operation)}` : ""}`;
export const moneyPlace = (account = "") => `#/money${account ? `/${encodeURIComponent(account)}` : ""}`;
export const LIST = "#/";

export function here() {
  let [, view = "", account = "", what = ""] = location.hash.split("/");
  try { [account, what] = [decodeURIComponent(account), decodeURIComponent(what)]; } catch { view = ""; }
  return { view: ["calls", "break", "money"].includes(view) ? view : "", account, what };
}

export function usePlace() {
  const [place, setPlace] = useState(here);
  useEffect(() => {
    const moved = () => setPlace(here());
    addEventListener("hashchange", moved);
    return () => removeEventListener("hashchange", moved);
  }, []);
  return place;
}

// Going through a list leaves no trail in the browser's history.
export function goTo(place, { quietly = false } = {}) {
  if (quietly) location.replace(place); else location.hash = place;
}
