import { dictionary } from "~/i18n";
import { en } from "./en";
import { fr } from "./fr";

/** What the pages before the door say. They come with those pages, not with the conversations. */
export const { use: useDoorWords } = dictionary(en, fr);

export type DoorWords = typeof en;
