import { QueryClientProvider, useQuery } from "@tanstack/react-query";
import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Navigate,
  Outlet,
  RouterProvider,
  redirect,
  useRouter,
  useRouterState,
  useSearch,
} from "@tanstack/react-router";
import { type ComponentType, useEffect } from "react";
import { explain } from "./api/problems";
import { bootstrapQuery, forgetEverything, queries } from "./api/queries";
import { drafts } from "./chat/drafts";
import { useWords } from "./i18n";
import { arrive, leave } from "./offline";
import { LiveRegion } from "./shell/LiveRegion";
import { Shell } from "./shell/Shell";
import { Button } from "./ui/Button";
import { Logo } from "./ui/Logo";

/** Where one may be without being signed in. */
const outside = /^\/(setup|sign-in|sign-up|sign-up\/confirm|password-reset|s\/[^/]+)$/;

/** Lets everybody in where they may be, and leads them there otherwise. */
function Door() {
  const t = useWords();
  const { data, error, refetch } = useQuery(bootstrapQuery);
  const { path, place, drawn } = useRouterState({
    select: ({ location, resolvedLocation }) => ({
      path: location.pathname,
      place: location.pathname + location.searchStr,
      drawn: resolvedLocation?.pathname ?? "",
    }),
    structuralSharing: true,
  });
  const user = data?.user;
  useEffect(() => {
    if (user !== null) return;
    forgetEverything();
    leave();
  }, [user]);
  const who = user?.id;
  useEffect(() => {
    if (who) arrive(who);
  }, [who]);
  if (!data)
    return (
      <div
        role="status"
        data-waiting={error ? undefined : ""}
        className="late flex h-full flex-col items-center justify-center gap-4 text-muted text-sm"
      >
        <Logo className="size-10 animate-[breathe_1.6s_ease-in-out_infinite]" />
        {error ? explain(error, t) : <span className="sr-only">{t.app.loading}</span>}
        {error && <Button onClick={() => refetch()}>{t.problem.retry}</Button>}
      </div>
    );
  if (data.setup_required && path !== "/setup") return <Navigate to="/setup" replace />;
  if (!user && !outside.test(path) && !data.setup_required)
    return <Navigate to="/sign-in" search={{ next: place }} replace />;
  // What is still drawn is the page that a stranger was led away from, and would ask for what they are refused.
  if (!user && !outside.test(drawn)) return null;
  return (
    <>
      <Outlet />
      <LiveRegion />
    </>
  );
}

/** A page for strangers; whoever is signed in, or has just become so, goes on to where they wanted to be. */
function forStrangers(Page: ComponentType) {
  return function ForStrangers() {
    const { next, error } = useSearch({ strict: false });
    const { data } = useQuery(bootstrapQuery);
    if (!data?.user) return <Page />;
    // An account elsewhere that could not be linked: the page from which that was asked for says why.
    return <Onward to={error ? `/settings/security?error=${encodeURIComponent(error)}` : (next ?? "/")} />;
  };
}

/** To a place of this house, and never to what a browser would read as another host's. */
function Onward({ to }: { to: string }) {
  const { history } = useRouter();
  useEffect(() => history.replace(/^\/(?![/\\])/.test(to) ? to : "/"), [history, to]);
  return null;
}

function Crashed() {
  const t = useWords();
  return (
    <div role="alert" className="flex h-full flex-col items-center justify-center gap-5 px-6 text-center">
      <h1 className="font-serif text-lg">{t.problem.crashed}</h1>
      <Button onClick={() => window.location.reload()}>{t.problem.reload}</Button>
    </div>
  );
}

const door = () => import("./account/pages");

/** The words of a query string that a page knows, and nothing else. */
function texts<K extends string>(...known: K[]) {
  return (search: Record<string, unknown>): { [name in K]?: string } =>
    Object.fromEntries(
      known.filter((name) => typeof search[name] === "string").map((name) => [name, search[name]]),
    ) as {
      [name in K]?: string;
    };
}

const rootRoute = createRootRoute({ component: Door, errorComponent: Crashed });
const shellRoute = createRoute({ getParentRoute: () => rootRoute, id: "shell", component: Shell });
const homeRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/",
  validateSearch: texts("title", "text", "url"),
  beforeLoad({ search }) {
    // What another app shares with this one is put before the reader, who sends it or does not.
    const shared = Object.values(search).join("\n");
    if (!shared) return;
    drafts.set(null, [drafts.get(null), shared].filter(Boolean).join("\n\n"));
    throw redirect({ to: "/", search: {}, replace: true });
  },
});
const conversationRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/c/$id",
  validateSearch: texts("message"),
});
const projectRoute = createRoute({ getParentRoute: () => shellRoute, path: "/p/$project" });
const assistantRoute = createRoute({ getParentRoute: () => shellRoute, path: "/a/$assistant" });
const galleryRoute = createRoute({ getParentRoute: () => shellRoute, path: "/assistants" });
const editorRoute = createRoute({ getParentRoute: () => shellRoute, path: "/assistants/$edit" });
const archiveRoute = createRoute({ getParentRoute: () => shellRoute, path: "/archive" });
const printRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/c/$id/print",
  component: lazyRouteComponent(() => import("./sharing/PrintPage")),
});
const sharedRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/s/$token",
  component: lazyRouteComponent(() => import("./sharing/SharedPage")),
});
const settingsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/settings",
  component: lazyRouteComponent(() => import("./settings/Settings"), "Settings"),
  validateSearch: texts("linked", "error", "paid"),
});
const settingsPageRoute = createRoute({ getParentRoute: () => settingsRoute, path: "$page" });
const settingsItemRoute = createRoute({ getParentRoute: () => settingsRoute, path: "$page/$item" });

const consoleRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/console",
  component: lazyRouteComponent(() => import("./console/Console"), "Console"),
});
const consolePageRoute = createRoute({ getParentRoute: () => consoleRoute, path: "$page" });
const consoleItemRoute = createRoute({ getParentRoute: () => consoleRoute, path: "$page/$item" });

const labRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/lab",
  component: lazyRouteComponent(() => import("./lab/Lab"), "Lab"),
  validateSearch: texts("stage", "from", "using", "beside", "before", "after"),
});
const labPageRoute = createRoute({ getParentRoute: () => labRoute, path: "$page" });
const labItemRoute = createRoute({ getParentRoute: () => labRoute, path: "$page/$item" });

const setupRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/setup",
  component: forStrangers(lazyRouteComponent(door, "Setup")),
  validateSearch: texts("token"),
});
const signInRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/sign-in",
  component: forStrangers(lazyRouteComponent(door, "SignIn")),
  validateSearch: texts("next", "error"),
});
const signUpRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/sign-up",
  component: forStrangers(lazyRouteComponent(door, "SignUp")),
  validateSearch: texts("invitation"),
});
const confirmSignUpRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/sign-up/confirm",
  component: forStrangers(lazyRouteComponent(door, "ConfirmSignUp")),
  validateSearch: texts("token"),
});
const passwordResetRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/password-reset",
  component: lazyRouteComponent(door, "PasswordReset"),
  validateSearch: texts("token"),
});
const emailChangeRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/email-change",
  component: lazyRouteComponent(door, "EmailChange"),
  validateSearch: texts("token"),
});
const joinRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/join",
  component: lazyRouteComponent(door, "Join"),
  validateSearch: texts("token"),
});

const router = createRouter({
  routeTree: rootRoute.addChildren([
    shellRoute.addChildren([
      homeRoute,
      conversationRoute,
      projectRoute,
      assistantRoute,
      galleryRoute,
      editorRoute,
      archiveRoute,
    ]),
    printRoute,
    sharedRoute,
    settingsRoute.addChildren([settingsPageRoute, settingsItemRoute]),
    consoleRoute.addChildren([consolePageRoute, consoleItemRoute]),
    labRoute.addChildren([labPageRoute, labItemRoute]),
    setupRoute,
    signInRoute,
    signUpRoute,
    confirmSignUpRoute,
    passwordResetRoute,
    emailChangeRoute,
    joinRoute,
  ]),
  defaultNotFoundComponent: () => <Navigate to="/" replace />,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}

export function App() {
  return (
    <QueryClientProvider client={queries}>
      <RouterProvider router={router} />
    </QueryClientProvider>
  );
}
