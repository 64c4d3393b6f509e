import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const src = join(import.meta.dirname, "..");

/** What names a side of the screen instead of the beginning or the end of a line. The middle is the same for all. */
const physical =
  /(?<=[\s"'`:!])-?(?:(?:p|m|scroll-m|scroll-p)[lr]-(?!\[env)|(?:border|rounded)-(?:[lr]|[tb][lr])(?![\w])|text-(?:left|right)(?![\w])|(?:left|right)-(?!1\/2)[\d[(]|float-(?:left|right))[^\s"'`]*/g;

test("nothing is laid out by left and right, so that an interface from right to left is the same mirrored", () => {
  const found = readdirSync(src, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".tsx"))
    .flatMap(
      (name) =>
        readFileSync(join(src, name), "utf8")
          .match(physical)
          ?.map((each) => `${name}: ${each}`) ?? [],
    );
  expect(found).toEqual([]);
});
