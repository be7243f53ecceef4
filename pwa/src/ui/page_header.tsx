/** The top of a screen that is not about one symbol: its name, whether the data lives, whether it is real. */

import type { ComponentChildren } from "preact";
import type { App } from "../app.ts";
import { Source, Watermark } from "./header.tsx";

interface Props {
  readonly app: App;
  readonly title: string;
  readonly children?: ComponentChildren;
}

export function PageHeader({ app, title, children }: Props) {
  return (
    <header class="page-header">
      <h1>{title}</h1>
      <div class="page-facts">
        <Watermark />
        {children}
      </div>
      <Source onRetry={() => app.wake()} plain />
    </header>
  );
}
