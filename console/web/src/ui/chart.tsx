// Decisions over time, drawn by uPlot on a canvas. The same numbers stand in a table beside it for those who do not see it.
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import type { Overview } from "../api";
import { theme } from "./shell";

type Points = Overview["decisions"];

const series = [
  { key: "deny", label: "denied", color: "--chart-deny" },
  { key: "hold", label: "held", color: "--chart-hold" },
  { key: "allow", label: "allowed", color: "--chart-allow" },
] as const;

function stacked(points: Points): uPlot.AlignedData {
  const times = points.map((point) => Date.parse(point.at) / 1000);
  // a bar of no height would still draw its edge
  const some = (value: number): number | null => (value === 0 ? null : value);
  const allow = points.map((point) => some(point.allow));
  const hold = points.map((point) => some(point.allow + point.hold));
  const deny = points.map((point) => some(point.allow + point.hold + point.deny));
  return [times, deny, hold, allow];
}

export function DecisionsChart({ points, label }: { points: Points; label: string }) {
  const host = useRef<HTMLDivElement>(null);
  const dark = theme.value; // drawn anew when the theme changes
  useEffect(() => {
    const element = host.current!;
    const style = getComputedStyle(element);
    // `color` resolves light-dark() to what holds now; custom properties alone do not
    const probe = document.createElement("i");
    element.append(probe);
    const color = (name: string): string => {
      probe.style.color = `var(${name})`;
      return getComputedStyle(probe).color;
    };
    const ink = color("--ink-3");
    const grid = color("--line");
    const span = points.length > 1 ? (Date.parse(points[points.length - 1]!.at) - Date.parse(points[0]!.at)) / 1000 : 3600;
    const step = points.length > 1 ? span / (points.length - 1) : 3600;
    const bars = uPlot.paths.bars!({ size: [0.8, 60], align: 1, radius: 0.1 });
    const axis: uPlot.Axis = { stroke: ink, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1 }, font: `12px ${style.fontFamily}` };
    const chart = new uPlot(
      {
        width: element.clientWidth,
        height: 220,
        legend: { show: false },
        cursor: { show: false },
        scales: { x: { time: true, range: (_, min, max) => [min, max + step] }, y: { range: (_, __, max) => [0, Math.max(4, max * 1.1)] } },
        axes: [axis, { ...axis, size: 48, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 50_000, 100_000] }],
        series: [{}, ...series.map(({ label: name, color: token }) => ({ label: name, fill: color(token), stroke: color("--surface"), width: 1, paths: bars, points: { show: false } }))],
      },
      stacked(points),
      element,
    );
    probe.remove();
    const follow = new ResizeObserver(() => element.clientWidth > 0 && chart.setSize({ width: element.clientWidth, height: 220 }));
    follow.observe(element);
    return () => {
      follow.disconnect();
      chart.destroy();
    };
  }, [points, dark]);
  return (
    <div class="chart">
      <ul class="legend" aria-hidden="true">{[...series].reverse().map(({ key, label: name }) => <li key={key}><i class={key} /> {name}</li>)}</ul>
      <div ref={host} role="img" aria-label={label} />
    </div>
  );
}
