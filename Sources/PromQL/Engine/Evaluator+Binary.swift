/// Binary operators where a scalar takes part.
extension Evaluator {
  func evaluate(_ binary: BinaryExpression, _ frame: Frame) throws(QueryError) -> Value {
    switch (try evaluate(binary.lhs, frame), try evaluate(binary.rhs, frame)) {
    case (.scalar(let a), .scalar(let b)): return .scalar(try combine(binary, a, b))
    case (.vector(let block), .scalar(let scalar)):
      return .vector(try combine(binary, block, scalar, scalarIsLeft: false))
    case (.scalar(let scalar), .vector(let block)):
      return .vector(try combine(binary, block, scalar, scalarIsLeft: true))
    case (.vector(let a), .vector(let b)):
      let matching = binary.matching ?? VectorMatching()
      switch binary.op {
      case .and: return .vector(try intersect(a, b, matching, frame, keepsMatches: true))
      case .unless: return .vector(try intersect(a, b, matching, frame, keepsMatches: false))
      case .or: return .vector(try unite(a, b, matching, frame))
      default: return .vector(try combine(binary, a, b, matching, frame))
      }
    default: throw .execution("binary expression must contain only scalar and instant vector types")
    }
  }

  private func combine(_ binary: BinaryExpression, _ a: [Double], _ b: [Double]) throws(QueryError) -> [Double] {
    let op = binary.op
    if op == .trimUpper || op == .trimLower {
      throw .execution("operator \(op.rawValue.quotedAsInGo) not allowed for Scalar operations")
    }
    if op.isComparison { return zip(a, b).map { Arithmetic.holds(op, $0, $1) ? 1 : 0 } }
    return zip(a, b).map { Arithmetic.value(op, $0, $1) }
  }

  private func combine(
    _ binary: BinaryExpression, _ block: Block, _ scalar: [Double], scalarIsLeft: Bool
  ) throws(QueryError) -> Block {
    let op = binary.op
    if op == .trimUpper || op == .trimLower {
      noteTrim(binary, block)
      return Block(keys: [], rows: block.rows, namesAgree: true)
    }
    try control.check()
    let filters = op.isComparison && !binary.returnsBool
    for row in block.keys.indices {
      let values = block.rows[row]
      for step in 0..<block.rows.width where !values[step].isMissing {
        let value = values[step]
        let (a, b) = scalarIsLeft ? (scalar[step], value) : (value, scalar[step])
        if !op.isComparison {
          values[step] = Arithmetic.value(op, a, b)
        } else {
          let holds = Arithmetic.holds(op, a, b)
          // A comparison keeps the vector's value, whichever side it is on.
          values[step] = filters ? (holds ? value : .missing) : holds ? 1 : 0
        }
      }
    }
    return filters ? withoutEmptyRows(block) : try dropNames(block)
  }

  /// Trimming is for native histograms; floats are left out, with a remark.
  func noteTrim(_ binary: BinaryExpression, _ block: Block) {
    guard !block.keys.isEmpty else { return }
    let op = binary.op.rawValue
    notes.inform(
      "incompatible sample types encountered for binary operator \(op.quotedAsInGo): float \(op) float",
      at: binary.range)
  }
}
