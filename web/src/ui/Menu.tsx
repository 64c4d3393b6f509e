import {
  type ComponentProps,
  cloneElement,
  createContext,
  lazy,
  type ReactElement,
  type ReactNode,
  Suspense,
  use,
  useId,
  useRef,
  useState,
} from "react";
import type * as Drawn from "./OpenMenu";

interface Props {
  trigger: ReactElement<ComponentProps<"button">>;
  children: ReactNode;
  side?: "top" | "bottom";
  align?: "start" | "end";
  className?: string;
  /** Given with `onOpenChange` by whoever opens it otherwise than with its button. */
  open?: boolean;
  onOpenChange?: (open: boolean) => void;
}

/** Fetches what draws open menus: when the first one opens, or before, when nothing else is to be done. */
export const loadMenus = () => import("./OpenMenu");
const OpenMenu = lazy(() => loadMenus().then(({ OpenMenu }) => ({ default: OpenMenu })));

/** What draws the rows of the menu around them. */
export const Rows = createContext<typeof Drawn | null>(null);

/** A menu under (or over) its button. Until it opens it is only that button: a page has many menus, and few are opened. */
export function Menu({ trigger, children, open: given, onOpenChange, ...look }: Props) {
  const [own, setOwn] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const byKey = useRef(false);
  const [id, content] = [useId(), useId()];
  const open = given ?? own;
  const set = onOpenChange ?? setOwn;
  return (
    <>
      {cloneElement(trigger, {
        ref: button,
        id,
        "aria-haspopup": "menu",
        "aria-expanded": open,
        "aria-controls": open ? content : undefined,
        "data-state": open ? "open" : "closed",
        onPointerDown: (event) => {
          if (event.button !== 0 || event.ctrlKey) return;
          // The menu has the focus when it opens.
          if (!open) event.preventDefault();
          byKey.current = false;
          set(!open);
        },
        onKeyDown: (event) => {
          if (!["Enter", " ", "ArrowDown"].includes(event.key)) return;
          event.preventDefault();
          byKey.current = true;
          set(event.key === "ArrowDown" || !open);
        },
      } as ComponentProps<"button">)}
      {open && (
        <Suspense>
          <OpenMenu
            {...look}
            button={button}
            ids={{ button: id, content }}
            byKey={byKey.current}
            close={() => set(false)}
          >
            {children}
          </OpenMenu>
        </Suspense>
      )}
    </>
  );
}

function useRows(): typeof Drawn {
  const rows = use(Rows);
  if (!rows) throw new Error("There is no menu around this.");
  return rows;
}

export function MenuItem(item: ComponentProps<typeof Drawn.Item>) {
  const { Item } = useRows();
  return <Item {...item} />;
}

export function MenuChoices<T extends string>(choices: Drawn.ChoicesProps<T>) {
  const { Choices } = useRows();
  return <Choices {...choices} />;
}

export function MenuChecks(checks: ComponentProps<typeof Drawn.Checks>) {
  const { Checks } = useRows();
  return <Checks {...checks} />;
}

export function MenuRule() {
  const { Rule } = useRows();
  return <Rule />;
}
