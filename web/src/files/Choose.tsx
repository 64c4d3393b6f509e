import { type ReactNode, useRef } from "react";

/** A button, drawn by `children`, that has the browser let one choose files. */
export function Choose({
  chosen,
  children,
}: {
  chosen: (files: globalThis.File[]) => void;
  children: (open: () => void) => ReactNode;
}) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        data-choose
        onChange={(event) => {
          const files = [...(event.target.files ?? [])];
          // The same file may be chosen again.
          event.target.value = "";
          if (files.length > 0) chosen(files);
        }}
      />
      {children(() => input.current?.click())}
    </>
  );
}
