// A few drawn lines; all are decoration beside words.
const paths = {
  inbox: "M3 13l3-8h12l3 8v6H3zM3 13h5l1.5 3h5L16 13h5",
  policies: "M12 3l8 3v6c0 4.5-3.4 7.7-8 9-4.6-1.3-8-4.5-8-9V6zM8.5 12l2.5 2.5 4.5-5",
  audit: "M6 3h9l4 4v14H6zM14 3v5h5M9 12h7M9 16h7",
  agents: "M8 9h8a3 3 0 013 3v4a3 3 0 01-3 3H8a3 3 0 01-3-3v-4a3 3 0 013-3zM12 5v4M9.5 13.5v1M14.5 13.5v1M12 3.5v.1",
  overview: "M4 20V10M10 20V4M16 20v-7M21 20H3",
  me: "M12 12a4 4 0 100-8 4 4 0 000 8zM4.5 20.5c1-4 4-6 7.5-6s6.5 2 7.5 6",
  check: "M5 12.5l4.5 4.5L19 7.5",
  cross: "M6 6l12 12M18 6L6 18",
  key: "M8.5 20a4.5 4.5 0 110-9 4.5 4.5 0 010 9zM11.8 12.4L20 4M16.5 7.5l3 3M13.8 10.2l2 2",
  clock: "M12 21a9 9 0 100-18 9 9 0 000 18zM12 7v5l3.5 2",
  warning: "M12 4l9 16H3zM12 10v4M12 17v.1",
  next: "M9 5l7 7-7 7",
  previous: "M15 5l-7 7 7 7",
  snow: "M12 3v18M4.2 7.5l15.6 9M19.8 7.5l-15.6 9",
  glass: "M5 3h14v18H5zM12 3l-2 6 4 3-3 4 1 5M14 12l5-2M10 9L5 8",
  people: "M9 11a3.5 3.5 0 100-7 3.5 3.5 0 000 7zM2.5 20c.8-3.6 3.3-5.5 6.5-5.5s5.7 1.9 6.5 5.5M15.5 4.3a3.5 3.5 0 010 6.4M17.5 14.9c2.1.7 3.5 2.4 4 5.1",
  theme: "M12 3a9 9 0 100 18zM12 3a9 9 0 010 18",
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name, size = 18 }: { name: IconName; size?: number }) {
  return (
    <svg class="icon" width={size} height={size} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={paths[name]} fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round" />
    </svg>
  );
}

export function Mark({ size = 26 }: { size?: number }) {
  return (
    <svg class="mark" width={size} height={size} viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="7" />
      <path class="first" d="M7 17.5l4.2 4.2L19 11" />
      <path class="second" d="M14.5 19.5l2.3 2.2L25 11" />
    </svg>
  );
}
