const systems: [RegExp, string][] = [
  [/iPhone/, "iPhone"],
  [/iPad/, "iPad"],
  [/Android/, "Android"],
  [/CrOS/, "Chromebook"],
  [/Windows/, "Windows"],
  [/Mac OS X/, "Mac"],
  [/Linux/, "Linux"],
];

/** What the device in one's hands is called by most; null where that cannot be told. */
export function device(userAgent = navigator.userAgent): string | null {
  return systems.find(([mark]) => mark.test(userAgent))?.[1] ?? null;
}
