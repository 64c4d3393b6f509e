import {
  AppWindow,
  Building2,
  ChartColumn,
  CreditCard,
  Files as FilesIcon,
  FolderDown,
  KeyRound,
  Link2,
  MonitorSmartphone,
  ReceiptText,
  ShieldCheck,
  SlidersHorizontal,
  UserRound,
} from "lucide-react";
import { lazy } from "react";
import type { SharingWords } from "~/sharing/words";
import type { Group } from "./Frame";
import type { MoneyWords } from "./money/words";
import type { SettingsWords } from "./words";

const Profile = lazy(() => import("./pages/Profile"));
const Personalisation = lazy(() => import("./pages/Personalisation"));
const Security = lazy(() => import("./pages/Security"));
const Device = lazy(() => import("./pages/Device"));
const Sessions = lazy(() => import("./pages/Sessions"));
const Workspaces = lazy(() => import("./pages/Workspaces"));
const Keys = lazy(() => import("./pages/Keys"));
const Plan = lazy(() => import("./pages/Plan"));
const Usage = lazy(() => import("./pages/Usage"));
const Invoices = lazy(() => import("./pages/Invoices"));
const SharedLinks = lazy(() => import("./pages/SharedLinks"));
const Files = lazy(() => import("./pages/Files"));
const YourData = lazy(() => import("./pages/YourData"));

/** The settings' pages, in the order of their list. Each comes to the browser when it is first opened. */
export function pages(t: SettingsWords, money: MoneyWords, sharing: SharingWords): readonly Group[] {
  return [
    {
      pages: [
        { path: "profile", label: t.profile.title, icon: UserRound, View: Profile },
        {
          path: "personalisation",
          label: t.personal.title,
          icon: SlidersHorizontal,
          View: Personalisation,
        },
        { path: "security", label: t.security.title, icon: ShieldCheck, View: Security },
        { path: "device", label: t.device.title, icon: AppWindow, View: Device },
        { path: "sessions", label: t.sessions.title, icon: MonitorSmartphone, View: Sessions },
      ],
    },
    {
      label: t.groups.together,
      pages: [
        { path: "workspaces", label: t.workspaces.title, icon: Building2, View: Workspaces },
        { path: "keys", label: t.keys.title, icon: KeyRound, View: Keys },
      ],
    },
    {
      label: t.groups.money,
      pages: [
        { path: "plan", label: money.plan.title, icon: CreditCard, View: Plan },
        { path: "usage", label: money.usage.title, icon: ChartColumn, View: Usage, wide: true },
        { path: "invoices", label: money.invoices.title, icon: ReceiptText, View: Invoices },
      ],
    },
    {
      pages: [
        { path: "shared", label: sharing.list.title, icon: Link2, View: SharedLinks },
        { path: "files", label: t.files, icon: FilesIcon, View: Files },
        { path: "data", label: t.data.title, icon: FolderDown, View: YourData },
      ],
    },
  ];
}
