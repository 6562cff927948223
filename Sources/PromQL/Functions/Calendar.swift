/// A moment in the proleptic Gregorian calendar, UTC.
struct Calendar {
  let year: Int64
  /// 1…12
  let month: Int64
  /// 1…31
  let day: Int64
  let hour: Int64
  let minute: Int64
  let second: Int64
  /// 0 = Sunday
  let weekday: Int64
  /// 1…366
  let dayOfYear: Int64

  /// Years are counted from March here, so that the leap day comes last
  /// (Hinnant, "chrono-Compatible Low-Level Date Algorithms").
  init(unixSeconds: Int64) {
    let (days, secondOfDay) = Calendar.floorDivide(unixSeconds, 86_400)
    hour = secondOfDay / 3600
    minute = secondOfDay / 60 % 60
    second = secondOfDay % 60
    weekday = Calendar.floorDivide(days + 4, 7).remainder
    let (era, dayOfEra) = Calendar.floorDivide(days + 719_468, 146_097)
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfMarchYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfMarchYear + 2) / 153
    day = dayOfMarchYear - (153 * shiftedMonth + 2) / 5 + 1
    month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    let januaryFirst = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334] as [Int64]
    dayOfYear = januaryFirst[Int(month - 1)] + day + (month > 2 && Calendar.isLeap(year) ? 1 : 0)
  }

  var daysInMonth: Int64 {
    switch month {
    case 2: Calendar.isLeap(year) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  static func isLeap(_ year: Int64) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }

  static func floorDivide(_ value: Int64, _ divisor: Int64) -> (quotient: Int64, remainder: Int64) {
    let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
  }
}
