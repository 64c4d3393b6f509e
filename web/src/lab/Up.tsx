import { Link } from "@tanstack/react-router";

/** The way back to a list, where it does not stand beside the page. */
export function Up({ page, children }: { page: "runs" | "models" | "releases"; children: string }) {
  return (
    <Link
      to="/lab/$page"
      params={{ page }}
      className="mb-4 inline-block text-muted text-sm underline-offset-4 hover:text-ink hover:underline max-md:hidden"
    >
      {children}
    </Link>
  );
}
