/**
 * What results cost on their way.
 */
import { type Measurement, measured, type Workload } from '../measurement.ts';
import { connectRawReader } from '../raw-reader.ts';
import type { Server } from '../servers.ts';

/** Asks again and again, as long as a measurement takes, and three times at least. */
const repeated = (server: Server, sql: string, seconds: number): Promise<Measurement> =>
  measured(server, async () => {
    const reader = await connectRawReader(server);
    try {
      const latencies: number[] = [];
      let spent = 0;
      while (latencies.length < 3 || spent < seconds * 1_000) {
        const began = performance.now();
        await reader.ask(sql);
        const took = performance.now() - began;
        latencies.push(took);
        spent += took;
      }
      return { latencies: Float64Array.from(latencies), seconds: spent / 1_000 };
    } finally {
      reader.close();
    }
  });

const workload = (name: string, about: string, sql: string): Workload => ({
  name,
  about,
  needsPgbench: false,
  measure: (server, options) => repeated(server, sql, options.seconds),
});

export const results: readonly Workload[] = [
  workload('rows select', 'SELECT of the large table (1,000,000 rows unless N says otherwise)', 'SELECT * FROM readings'),
  workload('rows copy', 'COPY of the large table TO STDOUT', 'COPY readings TO STDOUT'),
  workload(
    'rows masked',
    'SELECT of 2,000 rows of 6 text columns, of which 4 are masked',
    'SELECT name, email, phone, city, card, note FROM people',
  ),
  workload(
    'rows detect',
    'SELECT of 2,000 rows of 6 text columns, of which 3 hold what detectors of every kind find',
    'SELECT name, email, phone, city, card, note FROM contacts',
  ),
  workload(
    'rows detect nothing',
    'SELECT of 2,000 rows of 6 text columns, of which none holds what detectors of every kind look for',
    'SELECT name, city, a, b, c, d FROM clean',
  ),
];
