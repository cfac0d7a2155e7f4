// Values that are excluded, in the address as the API has them: `os!=amzn2`. Each is taken out with a button.

import { place, setQuery } from "../address.ts";
import { chosen, type FilterField } from "./filters.tsx";

const excludedFields = (fields: FilterField[]): FilterField[] => fields.map((field) => ({ ...field, name: `${field.name}!` }));

/** For the API: `{"os!": ["amzn2"]}`. */
export const excluded = (fields: FilterField[]): Record<string, string[]> => chosen(excludedFields(fields));

/** The query with one value more that is excluded. */
export const alsoExcluded = (name: string, value: string): string => {
  const now = place.value.query.get(`${name}!`);
  return now === null || now.split(",").includes(value) ? (now ?? value) : `${now},${value}`;
};

export function Excluded({ fields }: { fields: FilterField[] }) {
  const active = Object.entries(excluded(fields));
  if (active.length === 0) return null;
  const without = (name: string, values: string[], value: string) => () => setQuery({ [name]: values.filter((one) => one !== value).join(",") });
  return (
    <ul class="plain chips" aria-label="Excluded">
      {active.flatMap(([name, values]) =>
        values.map((value) => (
          <li key={`${name}${value}`} class="badge">
            not {fields.find((field) => `${field.name}!` === name)?.label.toLowerCase()} {value || "(none)"}
            <button type="button" class="quiet" aria-label={`Do not exclude ${value}`} onClick={without(name, values, value)}>
              ✕
            </button>
          </li>
        )),
      )}
    </ul>
  );
}
