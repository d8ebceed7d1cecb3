// The enrollments as HubSpot's own records, where the account keeps them: sorting, filters and search come with it.
import { CrmAssociationTable } from '@hubspot/ui-extensions/crm';

import type { Records } from './rollcall';

const COLUMNS = ['course_name', 'portal_name', 'status', 'percent_complete', 'is_required', 'due_on', 'completed_on'];
const FILTERS = ['status', 'is_required'];

export const RecordTable = ({ records }: { records: Records }) => {
  const named = (names: string[]) => names.map((name) => `${records.prefix}${name}`);
  return (
    <CrmAssociationTable
      objectTypeId={records.object_type_id}
      propertyColumns={named(COLUMNS)}
      quickFilterProperties={named(FILTERS)}
      associationLabelFilter={false}
      pageSize={10}
      sort={[{ columnName: `${records.prefix}completed_on`, direction: -1 }]}
    />
  );
};
