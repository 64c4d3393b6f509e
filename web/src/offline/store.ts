import type { QueryKey } from "@tanstack/react-query";
import { type DBSchema, type IDBPDatabase, openDB } from "idb";

/** How many conversations are kept on a device. */
export const KEPT = 30;

/** What was known of something, and since when. */
export interface Known {
  key: QueryKey;
  data: unknown;
  /** Milliseconds since 1970. */
  at: number;
}

interface Schema extends DBSchema {
  /** Whose it is, under the one key "owner". */
  owner: { key: string; value: string };
  /** The lists, by the hash of their query's key. */
  lists: { key: string; value: Known };
  /** Conversations with their messages, by id. */
  threads: { key: string; value: Known; indexes: { at: number } };
}

const NAME = "causette";
let opened: Promise<IDBPDatabase<Schema>> | null = null;

function database(): Promise<IDBPDatabase<Schema>> {
  opened ??= openDB<Schema>(NAME, 1, {
    upgrade(made) {
      made.createObjectStore("owner");
      made.createObjectStore("lists");
      made.createObjectStore("threads").createIndex("at", "at");
    },
    // Another tab wants to remove it.
    blocking: close,
    terminated() {
      opened = null;
    },
  });
  return opened;
}

async function close(): Promise<void> {
  const before = opened;
  opened = null;
  (await before?.catch(() => null))?.close();
}

/** One account's conversations on this device. Rejects where the browser keeps nothing, as in some private windows. */
export const store = {
  /** Makes what is kept belong to `owner`: what somebody else left is removed. */
  async belongTo(owner: string): Promise<void> {
    const all = (await database()).transaction(["owner", "lists", "threads"], "readwrite");
    if ((await all.objectStore("owner").get("owner")) !== owner) {
      await Promise.all([all.objectStore("lists").clear(), all.objectStore("threads").clear()]);
      await all.objectStore("owner").put(owner, "owner");
    }
    await all.done;
  },

  /** Keeps these if they are still `owner`'s, and of the conversations only the newest few. */
  async keep(
    owner: string,
    lists: ReadonlyMap<string, Known>,
    threads: ReadonlyMap<string, Known | null>,
  ): Promise<void> {
    const all = (await database()).transaction(["owner", "lists", "threads"], "readwrite");
    if ((await all.objectStore("owner").get("owner")) === owner) {
      for (const [hash, known] of lists) await all.objectStore("lists").put(known, hash);
      const kept = all.objectStore("threads");
      for (const [id, known] of threads) await (known ? kept.put(known, id) : kept.delete(id));
      let over = (await kept.count()) - KEPT;
      for (let oldest = await kept.index("at").openCursor(); oldest && over > 0; over -= 1) {
        await oldest.delete();
        oldest = await oldest.continue();
      }
    }
    await all.done;
  },

  async everything(): Promise<{ owner: string | undefined; known: Known[] }> {
    const all = (await database()).transaction(["owner", "lists", "threads"]);
    const [owner, lists, threads] = await Promise.all([
      all.objectStore("owner").get("owner"),
      all.objectStore("lists").getAll(),
      all.objectStore("threads").getAll(),
    ]);
    return { owner, known: [...lists, ...threads] };
  },

  async count(): Promise<number> {
    return (await database()).count("threads");
  },

  /** Leaves nothing. */
  async wipe(): Promise<void> {
    await close();
    await new Promise<void>((resolve, reject) => {
      const asked = indexedDB.deleteDatabase(NAME);
      asked.onsuccess = () => resolve();
      asked.onerror = () => reject(asked.error);
    });
  },
};
