/**
 * The SQLSTATE codes that pg-airlock itself answers with. Source: PostgreSQL's `src/backend/utils/errcodes.txt`.
 */
export const SQLSTATE = {
  connectionFailure: '08006',
  cannotConnectNow: '57P03',
  protocolViolation: '08P01',
  featureNotSupported: '0A000',
  invalidPassword: '28P01',
  invalidAuthorization: '28000',
  invalidCatalogName: '3D000',
  invalidParameterValue: '22023',
  characterNotInRepertoire: '22021',
  invalidEscapeSequence: '22025',
  nonstandardUseOfEscapeCharacter: '22P06',
  insufficientPrivilege: '42501',
  syntaxError: '42601',
  undefinedFunction: '42883',
  undefinedTable: '42P01',
  windowingError: '42P20',
  duplicateObject: '42710',
  reservedName: '42939',
  undefinedSchema: '3F000',
  transactionTimeout: '25P04',
  invalidStatementName: '26000',
  invalidCursorName: '34000',
  tooManyConnections: '53300',
  configurationLimitExceeded: '53400',
  programLimitExceeded: '54000',
  statementTooComplex: '54001',
  objectNotInPrerequisiteState: '55000',
  queryCanceled: '57014',
  adminShutdown: '57P01',
  idleSessionTimeout: '57P05',
  ioError: '58030',
  internalError: 'XX000',
} as const;

export type SqlState = (typeof SQLSTATE)[keyof typeof SQLSTATE];
