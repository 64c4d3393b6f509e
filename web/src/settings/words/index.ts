import { dictionary } from "~/i18n";
import { en } from "./en";
import { fr } from "./fr";

/** What the settings say. They come with the settings, not with the first page. */
export const { use: useSettingsWords, now: settingsWords } = dictionary(en, fr);

export type SettingsWords = typeof en;
