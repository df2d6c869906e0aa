// The frame of a page: its heading takes the focus when the page is entered, so that a screen reader begins there.
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { use_title } from "../lib/hooks";

let first_page = true;

export function Page(props: { title: string; heading?: ComponentChildren; aside?: ComponentChildren; wide?: boolean; children: ComponentChildren; above?: ComponentChildren }) {
  const heading = useRef<HTMLHeadingElement>(null);
  use_title(props.title);
  useEffect(() => {
    if (first_page) first_page = false;
    else {
      window.scrollTo(0, 0);
      heading.current?.focus({ preventScroll: true });
    }
  }, []);
  return (
    <div class={`page ${props.wide ? "wide" : ""}`}>
      {props.above}
      <div class="page-head">
        <h1 ref={heading} tabIndex={-1}>{props.heading ?? props.title}</h1>
        {props.aside && <div class="page-aside">{props.aside}</div>}
      </div>
      {props.children}
    </div>
  );
}

export function Section(props: { title: string; aside?: ComponentChildren; children: ComponentChildren; class?: string }) {
  return (
    <section class={`section ${props.class ?? ""}`}>
      <div class="section-head">
        <h2>{props.title}</h2>
        {props.aside}
      </div>
      {props.children}
    </section>
  );
}
