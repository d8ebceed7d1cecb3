// The courses of one person in one portal, as Rollcall tells them.
import {
  Flex,
  Heading,
  Link,
  StatusTag,
  Table,
  TableBody,
  TableCell,
  TableHead,
  TableHeader,
  TableRow,
  Tag,
} from '@hubspot/ui-extensions';

import type { Enrollment, PortalOfLearner, Status } from './rollcall';

const STATUSES: Record<Status, { label: string; variant: 'default' | 'info' | 'success' | 'danger' | 'warning' }> = {
  not_started: { label: 'Not started', variant: 'default' },
  in_progress: { label: 'In progress', variant: 'info' },
  completed: { label: 'Completed', variant: 'success' },
  passed: { label: 'Passed', variant: 'success' },
  failed: { label: 'Failed', variant: 'danger' },
  pending_review: { label: 'Pending review', variant: 'warning' },
};

// A day is the same day wherever the reader is.
const shownDay = (day: string | null, locale?: string): string =>
  day ? new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeZone: 'UTC' }).format(new Date(day)) : '–';

export const PortalCourses = ({ portal, locale }: { portal: PortalOfLearner; locale?: string }) => (
  <Flex direction="column" gap="small">
    <Flex justify="between" align="center" wrap>
      <Flex gap="small" align="center">
        <Heading inline>{portal.name}</Heading>
        {portal.learner.state === 'ended' && <Tag variant="warning">Access ended</Tag>}
      </Flex>
      <Link href={{ url: portal.learner.url, external: true }}>Open in Rollcall</Link>
    </Flex>
    <Table density="condensed" flush>
      <TableHead>
        <TableRow>
          <TableHeader>Course</TableHeader>
          <TableHeader>Status</TableHeader>
          <TableHeader align="right">Done</TableHeader>
          <TableHeader>Due</TableHeader>
          <TableHeader>Completed</TableHeader>
        </TableRow>
      </TableHead>
      <TableBody>
        {portal.enrollments.map((one) => (
          <Row key={one.course} enrollment={one} locale={locale} />
        ))}
      </TableBody>
    </Table>
  </Flex>
);

const Row = ({ enrollment, locale }: { enrollment: Enrollment; locale?: string }) => {
  const { label, variant } = STATUSES[enrollment.status];
  return (
    <TableRow>
      <TableCell>
        <Flex gap="extra-small" align="center" wrap>
          {enrollment.course}
          {enrollment.required && <Tag>Required</Tag>}
          {enrollment.overdue && <Tag variant="error">Overdue</Tag>}
        </Flex>
      </TableCell>
      <TableCell>
        <StatusTag variant={variant}>{label}</StatusTag>
      </TableCell>
      <TableCell align="right">{`${enrollment.percent} %`}</TableCell>
      <TableCell>{shownDay(enrollment.due_on, locale)}</TableCell>
      <TableCell>{shownDay(enrollment.completed_on, locale)}</TableCell>
    </TableRow>
  );
};
