/** Counts of equal spans of time as a line; the words beside it say the same. */
export function Sparkline({ values }: { values: number[] }) {
  const most = Math.max(1, ...values);
  const step = values.length > 1 ? 60 / (values.length - 1) : 60;
  const points = values.map((value, at) => `${(at * step).toFixed(1)},${(15 - (value / most) * 14).toFixed(1)}`);
  return (
    <svg class="sparkline" viewBox="0 0 60 16" width="60" height="16" aria-hidden="true">
      <polyline points={points.join(" ")} fill="none" stroke="currentColor" stroke-width="1.25" />
    </svg>
  );
}
