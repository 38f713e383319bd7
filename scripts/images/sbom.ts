/**
 * The list of what is in an image, as SPDX 2.3, for scanners and licence checks: Debian's packages, Node, and the packages of npm in the bundle.
 */
import { createHash } from 'node:crypto';
import type { BundledPackage } from '../bundled-packages.ts';
import type { Architecture, Inputs } from './lock.ts';

/** What an image is made of. `digest` is the image's. */
export type Contents = {
  readonly name: string;
  readonly version: string;
  readonly digest: string;
  readonly time: number;
  readonly inputs: ReadonlyMap<Architecture, Inputs>;
  readonly packages: readonly BundledPackage[];
};

type Component = { readonly name: string; readonly version: string; readonly licence: string; readonly url: string };

const encoded = (text: string): string => encodeURIComponent(text).replaceAll('%2F', '/');

const componentsOf = ({ inputs, packages }: Contents): readonly Component[] => [
  ...[...inputs].flatMap(([architecture, { node, debian }]) => [
    ...debian.map(({ name, version }) => ({
      name,
      version,
      licence: 'NOASSERTION',
      url: `pkg:deb/debian/${encoded(name)}@${encoded(version)}?arch=${architecture}`,
    })),
    { name: node.name, version: node.version, licence: 'NOASSERTION', url: `pkg:npm/${node.name}@${node.version}` },
  ]),
  ...packages.map(({ name, version, license }) => ({ name, version, licence: license, url: `pkg:npm/${encoded(name)}@${version}` })),
];

const NOTHING_SAID = {
  downloadLocation: 'NOASSERTION',
  copyrightText: 'NOASSERTION',
  filesAnalyzed: false,
  licenseConcluded: 'NOASSERTION',
};

/** The SPDX document. */
export const sbomOf = (contents: Contents): string => {
  const { name, version, digest, time } = contents;
  const packages = componentsOf(contents).map((component) => ({
    SPDXID: `SPDXRef-${createHash('sha256').update(component.url).digest('hex').slice(0, 16)}`,
    name: component.name,
    versionInfo: component.version,
    ...NOTHING_SAID,
    licenseDeclared: component.licence,
    externalRefs: [{ referenceCategory: 'PACKAGE-MANAGER', referenceType: 'purl', referenceLocator: component.url }],
  }));
  const image = { SPDXID: 'SPDXRef-image', name, versionInfo: version, ...NOTHING_SAID, licenseDeclared: 'Apache-2.0' };
  const document = {
    spdxVersion: 'SPDX-2.3',
    dataLicense: 'CC0-1.0',
    SPDXID: 'SPDXRef-DOCUMENT',
    name,
    documentNamespace: `https://pg-airlock.dev/sbom/${name}/${digest.replace(':', '-')}`,
    creationInfo: { created: new Date(time * 1000).toISOString().replace('.000', ''), creators: ['Tool: pg-airlock-make-images'] },
    documentDescribes: ['SPDXRef-image'],
    packages: [image, ...packages],
    relationships: packages.map(({ SPDXID }) => ({
      spdxElementId: 'SPDXRef-image',
      relationshipType: 'CONTAINS',
      relatedSpdxElement: SPDXID,
    })),
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
};
