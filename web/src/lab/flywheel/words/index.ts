import { dictionary } from "~/i18n";
import { en } from "./en";
import { fr } from "./fr";

/** What the flywheel's page says. */
export const { use: useWheelWords, now: wheelWords } = dictionary(en, fr);
