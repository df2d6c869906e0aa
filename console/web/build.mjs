// Bundles the console into dist/: index.html and assets/ whose names carry a digest of their content, so that they may be cached for ever.
//
//   node build.mjs            dist/ for the binary
//   node build.mjs --watch    the same again after each change, readable
import { createHash } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const dist = process.env.CONSOLE_DIST ?? join(here, "dist");
const watch = process.argv.includes("--watch");

// React's types and imports of two small libraries mean Preact here; nothing else is replaced.
const options = {
  absWorkingDir: here,
  entryPoints: { app: "src/main.tsx", theme: "src/theme_early.ts", mark: "src/mark.svg" },
  outdir: join(dist, "assets"),
  entryNames: "[name]-[hash]",
  chunkNames: "[name]-[hash]",
  assetNames: "[name]-[hash]",
  bundle: true,
  splitting: true,
  format: "esm",
  target: ["es2022", "chrome123", "firefox120", "safari17.5"],
  jsx: "automatic",
  jsxImportSource: "preact",
  minify: !watch,
  sourcemap: watch ? "inline" : false,
  legalComments: "none",
  loader: { ".svg": "copy" },
  define: { "process.env.NODE_ENV": '"production"' },
  metafile: true,
  logLevel: "warning",
};

// The texts of the licences of everything that was bundled, for one file beside the assets.
async function licences(metafile) {
  const packages = new Set();
  for (const input of Object.keys(metafile.inputs)) {
    const found = input.match(/node_modules\/((?:@[^/]+\/)?[^/]+)\//);
    if (found) packages.add(found[1]);
  }
  const texts = [];
  for (const name of [...packages].sort()) {
    const folder = join(here, "node_modules", name);
    const about = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
    let text = "";
    for (const file of ["LICENSE", "LICENSE.md", "license", "LICENCE"]) {
      text = await readFile(join(folder, file), "utf8").catch(() => "");
      if (text) break;
    }
    texts.push(`${name} ${about.version} (${about.license})\n\n${text.trim()}\n`);
  }
  return texts.join(`\n${"-".repeat(80)}\n\n`);
}

function page(metafile, licenses) {
  const outputs = Object.entries(metafile.outputs);
  const built = (entry, ending) => {
    const found = outputs.find(([path, about]) => about.entryPoint === entry && path.endsWith(ending));
    return "/" + relative(dist, join(here, found[0])).replaceAll("\\", "/");
  };
  const script = built("src/main.tsx", ".js");
  const css = outputs.find(([, about]) => about.entryPoint === "src/main.tsx")[1].cssBundle;
  const style = "/" + relative(dist, join(here, css)).replaceAll("\\", "/");
  const mark = outputs.find(([path]) => path.endsWith(".svg"))[0];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>Countersign</title>
<link rel="icon" type="image/svg+xml" href="/${relative(dist, join(here, mark)).replaceAll("\\", "/")}">
<link rel="license" href="${licenses}">
<script src="${built("src/theme_early.ts", ".js")}"></script>
<link rel="stylesheet" href="${style}">
<script type="module" src="${script}"></script>
</head>
<body>
<div id="app"></div>
<noscript>The console needs JavaScript. Requests can also be decided with the command line: countersign requests, countersign approve.</noscript>
</body>
</html>
`;
}

const finish = {
  name: "finish",
  setup(build) {
    build.onEnd(async (result) => {
      if (result.errors.length > 0) return;
      await mkdir(dist, { recursive: true });
      const texts = await licences(result.metafile);
      const licenses = `/assets/licenses-${createHash("sha256").update(texts).digest("hex").slice(0, 8)}.txt`;
      await writeFile(join(dist, licenses), texts);
      await writeFile(join(dist, "index.html"), page(result.metafile, licenses));
      const total = Object.entries(result.metafile.outputs).map(([path, about]) => [relative(dist, join(here, path)), about.bytes]);
      for (const [path, bytes] of total) console.log(`${String(bytes).padStart(8)}  ${path}`);
      const digest = createHash("sha256").update(JSON.stringify(total)).digest("hex").slice(0, 12);
      console.log(`console built: ${total.length} files, ${digest}`);
    });
  },
};

await rm(dist, { recursive: true, force: true });
if (watch) {
  const context = await esbuild.context({ ...options, plugins: [finish] });
  await context.watch();
} else {
  await esbuild.build({ ...options, plugins: [finish] });
}
