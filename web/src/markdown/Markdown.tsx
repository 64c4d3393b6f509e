import { Image } from "lucide-react";
import { Fragment, lazy, memo, type ReactNode, Suspense, use, useRef } from "react";
import { Home } from "~/artifacts/open";
import { useWords } from "~/i18n";
import { withCitations } from "~/knowledge/Cite";
import { BlockReader, type MathsToken, mend, type Token, type Tokens } from "./blocks";
import { Code } from "./Code";
import { plain } from "./entities";
import { Maths } from "./Maths";

/**
 * A reply's Markdown. Model output is data: it becomes elements made here, one by one, and never markup. HTML in it is
 * shown as written, links lead only to safe schemes, and pictures from elsewhere are links until they are followed.
 */
export const Markdown = memo(function Markdown({ text, writing }: { text: string; writing: boolean }) {
  const reader = useRef<BlockReader>(null);
  reader.current ??= new BlockReader();
  const blocks = reader.current.read(writing ? mend(text) : text);
  return blocks.map((token, index) =>
    // A block keeps its place while the text grows, so its index is its identity.
    // biome-ignore lint/suspicious/noArrayIndexKey: see above
    token.type === "space" ? null : <Block key={index} token={token} />,
  );
});

/** A block is written in the direction of its first letters, and what is inside it with it. */
const Block = memo(
  ({ token }: { token: Token }) => block(token, "auto"),
  (before, after) => before.token === after.token || before.token.raw === after.token.raw,
);

function block(token: Token, dir?: "auto"): ReactNode {
  switch (token.type) {
    case "heading": {
      const { depth, tokens } = token as Tokens.Heading;
      // Below the heading of the reply itself, which is for screen readers.
      const Heading = `h${Math.min(6, depth + 2)}` as "h3";
      return <Heading dir={dir}>{inlines(tokens)}</Heading>;
    }
    case "paragraph":
      return <p dir={dir}>{inlines((token as Tokens.Paragraph).tokens)}</p>;
    case "text": {
      const { tokens, text } = token as Tokens.Text;
      return tokens ? inlines(tokens) : withCitations(plain(text));
    }
    case "code": {
      const { text, lang } = token as Tokens.Code;
      return <CodeBlock source={text} info={plain(lang ?? "")} whole={closed(token)} />;
    }
    case "mathsBlock":
      return <Maths source={(token as unknown as MathsToken).source} display />;
    case "blockquote":
      return <blockquote dir={dir}>{blocksOf((token as Tokens.Blockquote).tokens)}</blockquote>;
    case "list":
      return list(token as Tokens.List, dir);
    case "table":
      return table(token as Tokens.Table, dir);
    case "hr":
      return <hr />;
    case "html":
      return <p dir={dir}>{(token as Tokens.HTML).raw.trim()}</p>;
    case "def":
    case "space":
      return null;
    default:
      return inline(token);
  }
}

const Made = lazy(() => import("~/artifacts/Made"));

/** Shorter code, in lines, has no other place than here, unless its language says what it makes. */
const LONG = 25;
const MAKES = /^(?:html?|svg|xml|mermaid|jsx|tsx|markdown|md|python3?|py)\b|[\s:=]/i;

function CodeBlock({ source, info, whole }: { source: string; info: string; whole: boolean }) {
  const message = use(Home);
  const code = <Code source={source} language={info} />;
  if (!message || !(MAKES.test(info) || source.split("\n").length >= LONG)) return code;
  return (
    <Suspense fallback={code}>
      <Made source={source} info={info} whole={whole} message={message} />
    </Suspense>
  );
}

/** Whether nothing more can be written into a code block. */
function closed({ raw }: Token): boolean {
  const fence = /^ {0,3}(`{3,}|~{3,})/.exec(raw)?.[1];
  return fence === undefined || raw.trimEnd().slice(fence.length).endsWith(`\n${fence}`);
}

function blocksOf(tokens: Token[]): ReactNode {
  // biome-ignore lint/suspicious/noArrayIndexKey: the tokens of one block never change places
  return tokens.map((token, index) => <Fragment key={index}>{block(token)}</Fragment>);
}

function list({ ordered, start, items }: Tokens.List, dir?: "auto"): ReactNode {
  const children = items.map((item, index) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: the items of one list never change places
    <li key={index} className={item.task ? "task" : undefined}>
      {item.task ? (
        <>
          <input type="checkbox" checked={item.checked ?? false} readOnly disabled aria-label={item.text} />
          <div>{blocksOf(item.tokens.filter(({ type }) => type !== "checkbox"))}</div>
        </>
      ) : (
        blocksOf(item.tokens)
      )}
    </li>
  ));
  return ordered ? (
    <ol dir={dir} start={start === "" ? 1 : start}>
      {children}
    </ol>
  ) : (
    <ul dir={dir}>{children}</ul>
  );
}

function table({ header, rows }: Tokens.Table, dir?: "auto"): ReactNode {
  return (
    // A wide table scrolls; so the keyboard must be able to reach it.
    // biome-ignore lint/a11y/noNoninteractiveTabindex: see above
    <div className="table" dir={dir} tabIndex={0}>
      <table>
        <thead>
          <tr>
            {header.map((cell, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: columns never change places
              <th key={index} scope="col" style={{ textAlign: cell.align ?? "start" }}>
                {inlines(cell.tokens)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: rows never change places
            <tr key={index}>
              {row.map((cell, column) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: columns never change places
                <td key={column} style={{ textAlign: cell.align ?? "start" }}>
                  {inlines(cell.tokens)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function inlines(tokens: Token[]): ReactNode {
  // biome-ignore lint/suspicious/noArrayIndexKey: the parts of one line never change places
  return tokens.map((token, index) => <Fragment key={index}>{inline(token)}</Fragment>);
}

function inline(token: Token): ReactNode {
  switch (token.type) {
    case "text": {
      const { tokens, text } = token as Tokens.Text;
      return tokens ? inlines(tokens) : withCitations(plain(text));
    }
    case "escape":
      return plain((token as Tokens.Escape).text);
    case "strong":
      return <strong>{inlines((token as Tokens.Strong).tokens)}</strong>;
    case "em":
      return <em>{inlines((token as Tokens.Em).tokens)}</em>;
    case "del":
      return <del>{inlines((token as Tokens.Del).tokens)}</del>;
    case "codespan":
      return <code>{(token as Tokens.Codespan).text}</code>;
    case "br":
      return <br />;
    case "maths": {
      const { source, display } = token as unknown as MathsToken;
      return <Maths source={source} display={display} />;
    }
    case "link": {
      const { href, tokens } = token as Tokens.Link;
      return <Link href={href}>{inlines(tokens)}</Link>;
    }
    case "image": {
      const { href, text } = token as Tokens.Image;
      return <Picture href={href} name={plain(text)} />;
    }
    case "html":
      return /^<br\s*\/?>$/i.test(token.raw) ? <br /> : token.raw;
    default:
      return token.raw;
  }
}

/** Where a link may lead. Everything else, `javascript:` first of all, stays text. */
function safe(href: string): string | null {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(href.trim())?.[1]?.toLowerCase();
  return scheme && ["http", "https", "mailto", "tel"].includes(scheme) ? href.trim() : null;
}

function Link({ href, children }: { href: string; children: ReactNode }) {
  const target = safe(href);
  if (!target) return children;
  return (
    <a href={target} target="_blank" rel="noopener noreferrer nofollow">
      {children}
    </a>
  );
}

function Picture({ href, name }: { href: string; name: string }) {
  const t = useWords();
  return (
    <Link href={href}>
      <Image aria-hidden className="me-1 mb-0.5 inline size-4" />
      {name ? t.message.image(name) : t.message.imageUnnamed}
    </Link>
  );
}
