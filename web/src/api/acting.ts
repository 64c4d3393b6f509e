import { preferences } from "~/preferences";

/** Says for which workspace a request is made, when it is not for oneself. */
export function actingFor(): Record<string, string> {
  const workspace = preferences.get("workspace");
  return workspace ? { "x-causette-workspace": workspace } : {};
}
